"""A person at a login page, without a browser: pages are read as forms, and the forms are sent."""

from __future__ import annotations

import http.cookiejar
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urljoin, urlsplit

if TYPE_CHECKING:
    from mlflow_plugin_servers.identity import User

__all__ = ["Browser", "Form", "LoginError", "Page"]

_STEPS = 12
_TIMEOUT = 30.0
_REDIRECT = 3
_UNREAD = ("script", "style", "template")
_NO = ("cancel", "abort", "deny", "no", "reject")
_USER_FIELDS = ("username", "login", "email")
_CODE_FIELDS = ("user_code", "device_user_code")


class LoginError(Exception):
    """The pages did not lead where they should; the message shows the last one."""


@dataclass
class Form:
    """A form of a page.

    Attributes:
        action: Where it is sent.
        method: How.
        fields: Its fields by name, with what they hold.
        shown: The names of those that a person sees and fills in.
        buttons: Name and value of each of its buttons.
    """

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    shown: set[str] = field(default_factory=set)
    buttons: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Page:
    """What an address showed.

    Attributes:
        url: The address, after all redirects.
        status: HTTP status; 0 when the address is not the provider's and was not opened.
        text: What a person reads there, without markup.
        forms: The forms in it.
    """

    url: str
    status: int
    text: str
    forms: list[Form]


class Browser:
    """Remembers cookies, follows redirects as long as they stay with the provider, and fills in forms."""

    def __init__(self, authority: str | None = None) -> None:
        """Begin without cookies.

        Args:
            authority: PEM of the authority that the provider's certificate is signed by.
        """
        context = ssl.create_default_context(cadata=authority)
        # Loopback counts as secure without TLS, as it does for browsers.
        policy = http.cookiejar.DefaultCookiePolicy(secure_protocols=("http", "https"))
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar(policy)),
            urllib.request.HTTPSHandler(context=context),
            _Stay,
        )
        # Keycloak has one address for devices and for people, and looks at what they accept.
        self._opener.addheaders = [("Accept", "text/html"), ("Accept-Language", "en")]

    def sign_in(self, url: str, user: User, *, allow: bool = True) -> str:
        """Go through the login and the consent.

        Args:
            url: The authorization endpoint, with its parameters.
            user: Who signs in.
            allow: Whether the person says yes to what the client asks for.

        Returns:
            The address that the provider leads back to, with `code` or `error` in it. It is not opened.

        Raises:
            LoginError: The provider shows an error, or the same page again and again, as after a wrong password.
        """
        page = self._walk(self.visit(url), user, None, allow=allow)
        if page.status:
            raise LoginError(_ended("the login ended", page))
        return page.url

    def approve_device(
        self, url: str, user: User, *, code: str | None = None, allow: bool = True
    ) -> Page:
        """Do what a device's login asks for.

        Args:
            url: `verification_uri_complete`, or `verification_uri` with the code apart.
            user: Who signs in.
            code: `user_code`, when it is not in the address.
            allow: Whether the person says yes.

        Returns:
            The last page.

        Raises:
            LoginError: The pages lead nowhere, as after a wrong password.
        """
        return self._walk(self.visit(url), user, code, allow=allow)

    def visit(self, url: str, form: dict[str, str] | None = None) -> Page:
        """Open an address and follow its redirects.

        Args:
            url: The address.
            form: What to send to it as a form.

        Returns:
            What it shows.
        """
        home = urlsplit(url).netloc
        for _ in range(_STEPS):
            if urlsplit(url).netloc != home:
                return Page(url, 0, "", [])
            status, location, text = self._open(url, form)
            if not location:
                reader = _Reader(url)
                reader.feed(text)
                return Page(url, status, reader.text, reader.ready())
            url, form = urljoin(url, location), None
        message = f"too many redirects, the last to {url}"
        raise LoginError(message)

    def submit(self, form: Form, *, allow: bool = True) -> Page:
        """Send a form.

        Args:
            form: The form.
            allow: Whether the button that says yes is pressed.

        Returns:
            What comes after it.
        """
        pressed = [button for button in form.buttons if _says_yes(*button) is allow]
        fields = dict(form.fields)
        if pressed and pressed[0][0]:
            fields[pressed[0][0]] = pressed[0][1]
        if form.method == "get":
            return self.visit(f"{form.action}?{urlencode(fields)}")
        return self.visit(form.action, fields)

    def _walk(self, page: Page, user: User, code: str | None, *, allow: bool) -> Page:
        sent_password = False
        for _ in range(_STEPS):
            if not page.status or not page.forms:
                return page
            form = page.forms[0]
            if form.shown.intersection(_CODE_FIELDS) and not code:
                return page  # The code was used up, or the person said no.
            known = dict.fromkeys(_USER_FIELDS, user.name) | {"password": user.password}
            known |= dict.fromkeys(_CODE_FIELDS, code or "")
            answers = {name: known[name] for name in form.shown if name in known}
            if sent_password and "password" in answers:
                break  # It was wrong; more tries could lock the user out.
            form.fields.update(answers)
            if form.shown.intersection(_CODE_FIELDS):
                code = None
            sent_password = sent_password or "password" in answers
            # Where nothing but yes and no is asked, the person says which.
            page = self.submit(form, allow=allow or bool(answers))
        raise LoginError(_ended("the pages lead nowhere", page))

    def _open(self, url: str, form: dict[str, str] | None) -> tuple[int, str | None, str]:
        data = urlencode(form).encode() if form is not None else None
        try:
            answer: Any = self._opener.open(url, data, timeout=_TIMEOUT)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            text = answer.read().decode("utf-8", "replace")
            moved = answer.status // 100 == _REDIRECT
            return answer.status, answer.headers.get("Location") if moved else None, text


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Leave redirects to the browser, which must not open the client's address."""


class _Reader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self._forms: list[Form] = []
        self._ids: dict[str, Form] = {}
        self._strays: list[tuple[str, tuple[str, str]]] = []
        self._open = False
        self._words: list[str] = []
        self._unread = 0

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._words).split())

    def handle_data(self, data: str) -> None:
        if not self._unread:
            self._words.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = {name: value or "" for name, value in attrs}
        name, value = facts.get("name", ""), facts.get("value", "")
        if tag in _UNREAD:
            self._unread += 1
        elif tag == "form":
            action = urljoin(self._url, facts.get("action", ""))
            form = Form(action, facts.get("method", "get").lower())
            self._forms.append(form)
            self._ids[facts.get("id", "")] = form
            self._open = True
        elif tag in {"button", "input"} and _is_button(tag, facts.get("type", "")):
            if "form" in facts:
                self._strays.append((facts["form"], (name, value)))
            elif self._open and facts.get("type") != "button":
                self._forms[-1].buttons.append((name, value))
        elif tag == "input" and self._open and name and facts.get("type") != "checkbox":
            self._forms[-1].fields[name] = value
            if facts.get("type") != "hidden":
                self._forms[-1].shown.add(name)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = False
        elif tag in _UNREAD:
            self._unread -= 1

    def ready(self) -> list[Form]:
        for identity, button in self._strays:
            if identity in self._ids:
                self._ids[identity].buttons.append(button)
        return self._forms


def _ended(what: str, page: Page) -> str:
    where = page.url.partition("?")[0]  # What follows may open a session.
    return f"{what}; the last page is {where} ({page.status}): {page.text[:1000]}"


def _is_button(tag: str, kind: str) -> bool:
    return tag == "button" or kind in {"submit", "image"}


def _says_yes(name: str, value: str) -> bool:
    return name.lower() not in _NO and value.lower() not in _NO
