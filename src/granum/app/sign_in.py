"""The one page that needs no session: why somebody cannot come in, and where the link is."""

from __future__ import annotations

import base64
import hashlib
from html import escape

__all__ = ["SIGN_IN_POLICY", "sign_in_page"]

_STYLE = (
    ":root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}"
    "main{max-width:34rem;margin:18vh auto 0;padding:0 1.5rem}"
    "h1{font-size:1.25rem;margin:0 0 .75rem}"
    "input,button{font:inherit;padding:.4rem .6rem}"
    "input{width:min(20rem,60vw)}"
    "label{display:block;margin-top:1.25rem}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
# the style stands in the page, because nothing else of the server is given to strangers
SIGN_IN_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)


def sign_in_page(reason: str, *, form: bool, depth: int, shared: bool = False) -> str:
    """Return the page; it is to be sent with `SIGN_IN_POLICY`.

    Parameters
    ----------
    reason : str
        Why the visitor stands here.
    form : bool
        Whether a token would help; else only the reason is shown.
    depth : int
        How many folders deep the requested path lies; addresses in the page are relative, for proxies with a prefix.
    shared : bool
        Several people use the server, with one token that stays: browsers may remember it.
    """
    up = "../" * depth or "./"
    if shared:
        how = "Who runs this server knows its token; it stays the same, and this browser may remember it."
        label, kind = "Token of this server:", "current-password"
    else:
        how = (
            "The terminal where <code>granum app</code> runs shows a link. Each link opens one browser; after it was "
            f'used a new one is printed. A browser that is signed in already <a href="{up}">goes to the app</a>.'
        )
        label, kind = "Or paste the token:", "off"
    door = (
        f'<p>{how}</p><form method="post" action="{up}login"><label for="token">{label}</label>'
        f'<input id="token" name="token" type="password" autocomplete="{kind}" required autofocus> '
        "<button>Open</button></form>"
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>granum</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(reason)}</h1>{door if form else ''}</main></body></html>"
    )
