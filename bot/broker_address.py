"""The address of Redis becomes the address of Celery's broker, with the same meaning.

kombu looks for a socket's password and database elsewhere, stumbles over parameters that it does not know, and takes
`rediss://` without more for "encrypt, but verify nobody". So redis-py reads the address, and it is written anew.
"""

from urllib.parse import quote, urlencode

from redis.asyncio.connection import parse_url


def broker_address(url: str) -> str:
    """redis://, rediss:// or unix:// as kombu writes it."""
    read = parse_url(url)
    user, password = read.get("username") or "", read.get("password") or ""
    login = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user or password else ""
    database = read.get("db", 0)
    if path := read.get("path"):
        return f"redis+socket://{login}{quote(path)}?virtual_host={database}"
    host = read.get("host", "localhost")
    server = f"[{host}]" if ":" in host else host
    address = f"://{login}{server}:{read.get('port', 6379)}/{database}"
    if not url.startswith("rediss:"):
        return f"redis{address}"
    tls = {"ssl_cert_reqs": "required"} | {k: v for k, v in read.items() if k.startswith("ssl_")}
    return f"rediss{address}?{urlencode(tls)}"
