module mlflow-plugin-servers/pause

go 1.24
