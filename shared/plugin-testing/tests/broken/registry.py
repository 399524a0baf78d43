"""Model registries that get models, versions, stages, aliases, tags, prompts or webhooks wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from broken.databases import database
from broken.model import Broken

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow_plugin_testing.suite import PluginSuite


def _suite() -> type[PluginSuite]:
    from mlflow_plugin_testing import ModelRegistryStoreSuite

    return ModelRegistryStoreSuite


def _store(**faults: Callable[..., Any]) -> Callable[[Path], Any]:
    """Make MLflow's store with some methods replaced; each is given the right one first, then the store."""

    def make(folder: Path) -> Any:
        from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

        class Store(SqlAlchemyStore):
            pass

        for name, fault in faults.items():
            setattr(Store, name, _replaced(getattr(SqlAlchemyStore, name), fault))
        return Store(database(folder))

    return make


def _replaced(right: Callable[..., Any], fault: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return fault(right, self, *args, **kwargs)

    return method


def _alias_stays(right: Any, self: Any, name: str, alias: str, version: Any) -> None:
    if alias not in self.get_registered_model(name).aliases:
        right(self, name, alias, version)


def _execute(store: Any, statement: str, **values: Any) -> None:
    import sqlalchemy

    with store.engine.begin() as connection:
        connection.execute(sqlalchemy.text(statement), values)


def _alias_dangles(right: Any, self: Any, name: str, version: Any) -> None:
    known = self.get_registered_model(name).aliases
    right(self, name, version)
    for alias, number in known.items():
        _execute(
            self,
            "INSERT OR IGNORE INTO registered_model_aliases (name, alias, version)"
            " VALUES (:name, :alias, :version)",
            name=name,
            alias=alias,
            version=number,
        )


def _row_is_deleted(right: Any, self: Any, name: str, version: Any) -> None:
    right(self, name, version)
    for table in ("model_version_tags", "model_versions"):
        # The names are none that a caller gave.
        statement = f"DELETE FROM {table} WHERE name = :name AND version = :version"
        _execute(self, statement, name=name, version=version)


def _deleted_is_kept(right: Any, self: Any, name: str, version: Any) -> None:
    found = self.get_model_version(name, version)
    right(self, name, version)
    self.__dict__.setdefault("kept", []).append(found)


def _kept_is_found(right: Any, self: Any, filter_string: Any = None, *args: Any, **kw: Any) -> Any:
    found = right(self, filter_string, *args, **kw)
    found += [each for each in vars(self).get("kept", []) if f"'{each.name}'" in filter_string]
    return found


def _rename_loses_tags(right: Any, self: Any, name: str, new_name: str) -> Any:
    right(self, name, new_name)
    for key in self.get_registered_model(new_name).tags:
        self.delete_registered_model_tag(new_name, key)
    return self.get_registered_model(new_name)


def _last_page_is_lost(right: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    found = right(self, *args, **kwargs)
    if found.token:
        following = right(self, *args, **{**kwargs, "page_token": found.token})
        # It believes that only a full page can be followed by another.
        found.token = found.token if following.token else None
    return found


def _archives_nothing(
    right: Any, self: Any, name: str, version: Any, stage: str, archive_existing_versions: Any
) -> Any:
    from mlflow.entities.model_registry.model_version_stages import get_canonical_stage

    if archive_existing_versions and get_canonical_stage(stage) in {"None", "Archived"}:
        return right(self, name, version, stage, archive_existing_versions)
    return right(self, name, version, stage, False)


def _tags_the_model(right: Any, self: Any, name: str, version: Any, tag: Any) -> None:
    right(self, name, version, tag)
    self.set_registered_model_tag(name, tag)


def _latest_is_last_to_arrive(right: Any, self: Any, name: str, stages: Any = None) -> Any:
    wanted = {each.current_stage for each in right(self, name, stages)}
    found = self.search_model_versions(f"name = '{name}'", order_by=["last_updated_timestamp ASC"])
    return list(
        {each.current_stage: each for each in found if each.current_stage in wanted}.values()
    )


def _counts_as_text(right: Any, self: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    known = [str(each.version) for each in self.search_model_versions(f"name = '{name}'")]
    made = right(self, name, *args, **kwargs)
    if known and int(max(known)) + 1 < int(made.version):
        made._version = int(max(known)) + 1
    return made


def _ignores_case(right: Any, self: Any, filter_string: Any = None, *args: Any, **kw: Any) -> Any:
    text = (filter_string or "").replace("ILIKE", "LIKE").replace("LIKE", "ILIKE")
    return right(self, text, *args, **kw)


def _remembers(right: Any, self: Any, filter_string: Any = None, *args: Any, **kw: Any) -> Any:
    seen = self.__dict__.setdefault("seen", {})
    key = repr((filter_string, args, kw))
    if key not in seen:
        seen[key] = right(self, filter_string, *args, **kw)
    return seen[key]


def _update_resets_the_stage(
    right: Any, self: Any, name: str, version: Any, *args: Any, **kw: Any
) -> Any:
    right(self, name, version, *args, **kw)
    return self.transition_model_version_stage(name, version, "None", False)


def _source_is_not_followed(right: Any, self: Any, name: str, version: Any) -> Any:
    right(self, name, version)
    return self.get_model_version(name, version).source


def _prompts_are_models(
    right: Any, self: Any, filter_string: Any = None, *args: Any, **kw: Any
) -> Any:
    found = right(self, filter_string, *args, **kw)
    if "is_prompt" not in (filter_string or ""):
        both = f"{filter_string} AND tags.`mlflow.prompt.is_prompt` = 'true'"
        found += right(self, both, *args, **kw)
    return found


def _update_forgets(right: Any, self: Any, webhook_id: str, **given: Any) -> Any:
    return right(self, webhook_id, **{"description": "", **given})


def _broken(name: str, sentence: str, rejected_by: str, **faults: Callable[..., Any]) -> Broken:
    test = rejected_by if rejected_by.startswith("test_") else f"test_scenario[{rejected_by}]"
    return Broken(f"registry-{name}", sentence, _suite, {"store": _store(**faults)}, test)


BROKEN = [
    _broken(
        "alias-not-moved",
        "An alias that is set again goes on leading to its first version.",
        "an_alias_is_moved_to_another_version",
        set_registered_model_alias=_alias_stays,
    ),
    _broken(
        "alias-dangles",
        "An alias outlives the version that it leads to.",
        "an_alias_goes_with_its_version",
        delete_model_version=_alias_dangles,
    ),
    _broken(
        "alias-not-moved-by-chance",
        "An alias that is set again goes on leading to its first version; random steps find it as well.",
        "test_aliases_stay_the_same_through_random_steps",
        set_registered_model_alias=_alias_stays,
    ),
    _broken(
        "number-used-twice",
        "The number of the last version is given again after that was deleted.",
        "the_number_of_a_deleted_version_is_not_used_again",
        delete_model_version=_row_is_deleted,
    ),
    _broken(
        "counts-as-text",
        "It sorts the numbers of versions as text, so that the tenth is followed by another tenth.",
        "versions_are_counted_by_number_and_not_as_text",
        create_model_version=_counts_as_text,
    ),
    _broken(
        "deleted-version-found",
        "A deleted version is still found by a search.",
        "a_deleted_version_is_not_found",
        delete_model_version=_deleted_is_kept,
        search_model_versions=_kept_is_found,
    ),
    _broken(
        "rename-loses-tags",
        "A renamed model has lost its tags.",
        "a_renamed_model_keeps_its_versions_and_tags",
        rename_registered_model=_rename_loses_tags,
    ),
    _broken(
        "last-page-lost",
        "The last page of a search of versions is never reached.",
        "a_page_of_versions_is_followed_by_the_next_one",
        search_model_versions=_last_page_is_lost,
    ),
    _broken(
        "archives-nothing",
        "A transition leaves the versions that it should archive in their stage.",
        "a_transition_archives_the_others_of_its_stage",
        transition_model_version_stage=_archives_nothing,
    ),
    _broken(
        "tag-of-version-on-model",
        "The tag of a version overwrites the model's.",
        "a_model_and_its_versions_have_tags_of_their_own",
        set_model_version_tag=_tags_the_model,
    ),
    _broken(
        "latest-by-arrival",
        "The latest version of a stage is the one that came there last, whatever its number.",
        "the_latest_version_of_a_stage_has_the_highest_number",
        get_latest_versions=_latest_is_last_to_arrive,
    ),
    _broken(
        "like-ignores-case",
        "LIKE does not look at the case of letters.",
        "models_are_searched_by_name",
        search_registered_models=_ignores_case,
    ),
    _broken(
        "search-lags",
        "A search does not see what was changed before it.",
        "a_change_is_seen_by_the_next_search",
        search_registered_models=_remembers,
    ),
    _broken(
        "description-resets-stage",
        "A version that gets a new description loses its stage.",
        "test_models_and_versions_stay_the_same_through_random_steps",
        update_model_version=_update_resets_the_stage,
    ),
    _broken(
        "copy-leads-to-a-version",
        "The artifacts of a copy are said to be at a `models:/` URI, and are lost with the original.",
        "a_version_made_of_another_has_its_artifacts",
        get_model_version_download_uri=_source_is_not_followed,
    ),
    _broken(
        "prompts-among-models",
        "A search of models finds prompts.",
        "a_search_of_models_finds_no_prompts",
        search_registered_models=_prompts_are_models,
    ),
    _broken(
        "webhook-forgets",
        "A change of a webhook clears the description that it does not mention.",
        "a_webhook_changes_in_what_is_said",
        update_webhook=_update_forgets,
    ),
]
