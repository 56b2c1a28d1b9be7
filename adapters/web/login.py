"""What do people see who are not signed in? Plain HTML: it must work where the pages' scripts may not be loaded yet."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from starlette.responses import HTMLResponse

# The colours are those of the pages, whose style sheets are behind the password.
_STYLE = """
:root {
  color-scheme: light dark; --ground: #f3ede2; --raised: #fffdf9; --line: #8c7b69; --text: #231a15; --light: #b3261c;
  --on-light: #fffaf5;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0e0908; --raised: #1f1512; --line: #8d7268; --text: #f2e5dd; --light: #ff5a3c; --on-light: #1d0703;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem;
  background: var(--ground); color: var(--text); font: 1rem/1.5 system-ui, sans-serif;
}
main { width: 100%; max-width: 22rem; }
h1 { margin: 0 0 1.25rem; font: bold 1.6rem/1.2 Palatino, Georgia, "Liberation Serif", serif; }
label { display: block; margin-bottom: .35rem; }
input, button {
  width: 100%; min-height: 3rem; padding: 0 .9rem; font: inherit; border: 1px solid var(--line); border-radius: 10px;
}
input { background: var(--raised); color: inherit; margin-bottom: 1rem; }
button { background: var(--light); color: var(--on-light); border-color: transparent; font-weight: 600; cursor: pointer; }
:focus-visible { outline: 3px solid var(--light); outline-offset: 2px; }
[hidden] { display: none; }
.alarm, a { color: var(--light); }
.alarm { margin: 0 0 1rem; }
"""

_POLICY = "; ".join(
    (
        "default-src 'none'",
        f"style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


def page(
    target: str, *, error: str | None = None, status_code: int = 200, retry_after: int | None = None
) -> HTMLResponse:
    """The form that asks for the password. target: where to go then. retry_after: seconds."""
    told = f'<p class="alarm" id="error" role="alert">{escape(error)}</p>' if error else ""
    described = ' aria-invalid="true" aria-describedby="error"' if error else ""
    return _html(
        "Sign in",
        f"""<h1>Darkroom</h1>
{told}
<form method="post" action="/login">
<input type="hidden" name="next" value="{escape(target)}">
<input name="username" value="darkroom" autocomplete="username" hidden>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required autofocus{described}>
<button>Sign in</button>
</form>""",
        status_code=status_code,
        headers={"Retry-After": str(retry_after)} if retry_after else {},
    )


def sign_out_page() -> HTMLResponse:
    """Asks before it signs out, so that a plain link can lead here."""
    return _html(
        "Sign out",
        """<h1>Darkroom</h1>
<form method="post" action="/logout"><button>Sign out</button></form>
<p><a href="/">Stay signed in</a></p>""",
    )


def _html(title: str, body: str, *, status_code: int = 200, headers: dict[str, str] | None = None) -> HTMLResponse:
    return HTMLResponse(
        f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title} · Darkroom</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
""",
        status_code=status_code,
        headers={"Content-Security-Policy": _POLICY, **(headers or {})},
    )
