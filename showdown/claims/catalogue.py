"""All claims: those that an experiment decides, and those that you have to look at."""

from showdown.claims.cold_start import COLD_START
from showdown.claims.django_async import DJANGO_ASYNC, FASTAPI_LEADS
from showdown.claims.drivers import ASYNC_DRIVER, FASTER_DRIVER, RAW_QUERY
from showdown.claims.footprint import FOOTPRINT
from showdown.claims.inference import INFERENCE
from showdown.claims.loads import LOAD_CLAIMS
from showdown.claims.model import Claim
from showdown.claims.streaming import STREAMING
from showdown.claims.upstream import UPSTREAM
from showdown.claims.validation import VALIDATION

NOT_MEASURED = "Not measurable: no figure decides this claim. The link shows the feature."

TO_LOOK_AT = [
    Claim(
        "documentation",
        "Interactive API documentation via OpenAPI and Swagger generates automatically from your"
        " code.",
        NOT_MEASURED,
        link="/fastapi/docs",
    ),
    Claim(
        "admin",
        "The built-in admin panel enables non-technical users to manage data without custom"
        " interfaces.",
        NOT_MEASURED,
        link="/django/admin/",
    ),
    Claim(
        "combination",
        "Modern Python applications frequently combine frameworks.",
        NOT_MEASURED,
        link="/health/ready",
    ),
]

CLAIMS = {
    claim.name: claim
    for claim in (
        *LOAD_CLAIMS,
        *(DJANGO_ASYNC, FASTAPI_LEADS, UPSTREAM, ASYNC_DRIVER, RAW_QUERY, FASTER_DRIVER),
        *(VALIDATION, FOOTPRINT, STREAMING, COLD_START, INFERENCE),
        *TO_LOOK_AT,
    )
}
