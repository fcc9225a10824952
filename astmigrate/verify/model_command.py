"""``astmigrate verify``: what its options ask for, run and printed."""

from __future__ import annotations

import sys

from astmigrate.verify.model_report import dumps, text
from astmigrate.verify.model_values import InputError, make_inputs
from astmigrate.verify.models import Request, RequestError, Verdict, verify_model

_CODES = {Verdict.EQUAL: 0, Verdict.DIFFERENT: 1, Verdict.FAILED: 2}


def run(request: Request, as_json: bool) -> int:
    """Verifies, prints, and gives the exit code: 0 equal, 1 different, 2 could not run."""
    try:
        make_inputs(request.inputs, request.seed)  # a wrong spec is told before anything is built
        outcome = verify_model(request)
    except (InputError, RequestError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    sys.stdout.write(dumps(outcome) if as_json else text(outcome))
    return _CODES[outcome.verdict]
