"""`federim trust`: whose signatures this home believes, and as what."""

from __future__ import annotations

import json
from datetime import datetime
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from federim.cli.context import AsJson, open_home, report
from federim.model.errors import InputError
from federim.trust.roots import OwnKey, TrustKind, TrustRoot

if TYPE_CHECKING:
    from federim.trust.roots import TrustRoots

trust = typer.Typer(
    help="Public keys this home believes, and as what: hub, committee, site or key server.",
    no_args_is_help=True,
    suggest_commands=False,
)

By = Annotated[
    str,
    typer.Option(
        "--as",
        envvar="FEDERIM_ACTOR",
        help="Who acts, recorded in the audit trail; this machine's account where nobody is named.",
        default_factory=getuser,
        show_default=False,
    ),
]
Name = Annotated[str, typer.Argument(help="The other home's name, or the key server's.")]


@trust.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """Show whose signatures this home believes, since when and until when."""
    _tell(open_home(context).trust_roots, as_json=as_json)


@trust.command()
def add(
    context: typer.Context,
    name: Name,
    public: Annotated[str, typer.Argument(help="Its public key, 64 hexadecimal digits.")],
    by: By,
    kind: Annotated[
        TrustKind | None,
        typer.Option(
            help="What it is, and so what its signature is worth; a site at a hub, a hub elsewhere.",
            show_default=False,
        ),
    ] = None,
    sealing: Annotated[
        str,
        typer.Option(help="Its sealing key, 64 hexadecimal digits; without it nothing can be sealed to it."),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Believe another home's signatures, after comparing its key over a second channel."""
    from federim.audit.trail import acting

    home = open_home(context)
    with acting(home, by, "trust.add", name=name, public=public):
        home.trust(name, public, kind, sealing=sealing)
    _tell(home.trust_roots, f"signatures of {name} are now believed", as_json=as_json)


@trust.command()
def rotate(
    context: typer.Context,
    by: By,
    statement: Annotated[
        Path | None,
        typer.Argument(
            metavar="[STATEMENT]",
            help="Another home's statement that its key was replaced; without it, this home's keys are.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Where to write this home's own statement for those that trust it."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Replace this home's keys, or follow another home that replaced its own.

    What the old key signed before stays valid; what it signs afterwards is not believed.
    """
    from federim import key_rotation
    from federim.audit.trail import acting

    home = open_home(context)
    if (statement is None) == (out is None):
        raise InputError("give the STATEMENT of another home, or --out FILE to replace this home's own keys")
    if statement is not None:
        told = _read(statement)
        with acting(home, by, "trust.rotate") as detail:
            roots = home.change_trust(lambda roots: key_rotation.apply(roots, told))
            detail.update(name=str(told["signer"]), public=str(told["public"]))
        _tell(roots, f"{told['signer']} signs with its new key from now on", as_json=as_json)
    if out is not None:
        _write(out, {})  # where the statement cannot be kept, nothing is rotated
        with acting(home, by, "trust.rotate", name=home.name) as detail:
            made = key_rotation.rotate_own(home)
            detail["public"] = made["public"]
        _write(out, made)
        done = f"{home.name} has new keys; give {out} to every home that trusts it: federim trust rotate FILE"
        _tell(home.trust_roots, done, as_json=as_json)


@trust.command()
def revoke(
    context: typer.Context,
    name: Name,
    reason: Annotated[str, typer.Option(help="One word for the record, such as stolen, lost or left.")],
    by: By,
    public: Annotated[str, typer.Option(help="One of its keys; every key of that name without it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Believe nothing any more that these keys signed, whenever it was; they can never be added again."""
    from federim.audit.trail import acting
    from federim.trust.changes import revoked

    home = open_home(context)
    with acting(home, by, "trust.revoke", name=name, reason=reason):
        roots = home.change_trust(lambda roots: revoked(roots, name, reason=reason, public=public))
    vouched = sorted({root.name for root in roots.roots if root.vouched_by == name and root.current})
    warning = f"\ncompare again the keys it vouched for: {', '.join(vouched)}" if vouched else ""
    _tell(roots, f"nothing signed by {name} with these keys is believed any more{warning}", as_json=as_json)


@trust.command()
def export(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="Where to write the bundle.")],
    by: By,
    as_json: AsJson = False,
) -> None:
    """Write all that this hub trusts into one signed bundle for its sites."""
    from federim import trust_bundle
    from federim.audit.trail import acting

    hub = open_home(context)
    with acting(hub, by, "trust.export") as detail:
        bundle = trust_bundle.export(hub)
        _write(out, bundle)
        detail["keys"] = keys = len(bundle["roots"])
    report({"bundle": str(out), "keys": keys}, f"{keys} keys, signed by {hub.name}: {out}", as_json=as_json)


@trust.command("import")
def import_(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The bundle, as the hub wrote it.")],
    by: By,
    as_json: AsJson = False,
) -> None:
    """Take over the keys that a trusted hub vouches for, and those it has revoked."""
    from federim import trust_bundle
    from federim.audit.trail import acting

    home, bundle = open_home(context), _read(source)
    before = home.trust_roots
    with acting(home, by, "trust.import") as detail:
        roots = home.change_trust(lambda roots: trust_bundle.taken_over(roots, bundle))
        changed = sum(root not in before.roots for root in roots.roots)
        detail.update(hub=str(bundle["signer"]), keys=changed)
    _tell(roots, f"{changed} keys taken over or changed", as_json=as_json)


def _tell(roots: TrustRoots, done: str = "", *, as_json: bool) -> None:
    own, others = roots.own, roots.roots
    document = {
        "trusted": roots.publics,
        "own": [_described(key) for key in own],
        "roots": [{"name": root.name, "kind": root.kind.value, **_described(root)} for root in others],
    }
    lines = [f"{roots.owner:<24} this home   {key.public}  {_standing(key)}" for key in own]
    lines += [f"{root.name:<24} {root.kind.value:<11} {root.public}  {_standing(root)}" for root in others]
    if own[0].sealing:
        lines.append(f"{'':<24} sealing key {own[0].sealing}")
    report(document, "\n".join([done, *lines] if done else lines), as_json=as_json)


def _described(key: TrustRoot | OwnKey) -> dict[str, Any]:
    described: dict[str, Any] = {
        "public": key.public,
        "sealing": key.sealing,
        "until": _iso(key.until),
        "statement": key.statement,
    }
    if isinstance(key, TrustRoot):
        described |= {"since": _iso(key.since), "revoked": _iso(key.revoked), "vouched_by": key.vouched_by}
    return described


def _standing(key: TrustRoot | OwnKey) -> str:
    if isinstance(key, TrustRoot) and key.revoked is not None:
        return f"revoked on {key.revoked:%Y-%m-%d} ({key.reason})"
    if key.until is not None:
        return f"replaced on {key.until:%Y-%m-%d}"
    return f"on the word of {key.vouched_by}" if isinstance(key, TrustRoot) and key.vouched_by else "in use"


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"document {path}: {error.strerror}") from None
    except ValueError:
        raise InputError(f"document {path} is not valid JSON") from None
    if not isinstance(document, dict):
        raise InputError(f"document {path}: expected a JSON object")
    return document


def _write(path: Path, document: dict[str, Any]) -> None:
    try:
        path.write_text(json.dumps(document, sort_keys=True, indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise InputError(f"document {path}: {error.strerror}") from None
