"""`federim keyserver`: run the third party that links patients across sites and never sees one."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from federim.cli.context import AsJson, report
from federim.cli.stopping import heeding_sigterm

keyserver = typer.Typer(
    help="Links patients across sites without seeing one: it multiplies blinded points by a secret number. "
    "To be run by a third party, neither a site nor the hub.",
    add_completion=False,
    suggest_commands=False,
)
sites = typer.Typer(
    help="The sites that may ask, each by its certificate.", no_args_is_help=True, suggest_commands=False
)
keyserver.add_typer(sites, name="sites")

Folder = Annotated[Path, typer.Argument(help="The key server's own folder.", show_default=False)]


@keyserver.callback(invoke_without_command=True)
def at_once(
    context: typer.Context,
    generate_key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Without a server: make a key that several sites on one machine share, and stop.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make one key file if that is all that is asked."""
    if context.invoked_subcommand is not None:
        return
    if generate_key is None:
        typer.echo(context.get_help())
        return
    from federim.identity.keyserver import create_key_file

    create_key_file(generate_key)
    report(
        {"key": str(generate_key)},
        f"key made in {generate_key}; make each site with federim init --key-server embedded:{generate_key}",
        as_json=as_json,
    )


@keyserver.command("generate-key")
def generate_key(folder: Folder, as_json: AsJson = False) -> None:
    """Make a key server's folder with the key of its first epoch, readable by its account alone."""
    from federim.identity.keyserver.founding import found

    epoch = found(folder)
    report(
        {"folder": str(folder), "epoch": epoch.number, "public": epoch.public.hex()},
        f"key server made in {folder}\n"
        f"epoch {epoch.number}, public key {epoch.public.hex()}: give it to every site over a second channel "
        "(federim trust add --kind key-server)\n"
        "back up the folder's keys where nobody has a site's data; who loses them loses the linkage",
        as_json=as_json,
    )


@keyserver.command()
def serve(
    folder: Folder,
    certificate: Annotated[Path, typer.Option(help="PEM of the key server's certificate.")],
    key: Annotated[Path, typer.Option(help="PEM of its private key.")],
    ca: Annotated[Path, typer.Option(help="PEM of the authorities that sign sites' certificates.")],
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 is every network of this machine.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0 is any free port.")] = 7443,
    alarm_file: Annotated[
        Path | None,
        typer.Option(help="A file to which alarms are added too, one JSON a line.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate for the listed sites until it is stopped (Ctrl-C, SIGTERM), over mutual TLS 1.3.

    Sites, epochs and certificates of sites may be changed while it runs: the next question sees them.
    """
    from federim.cli.context import ERR
    from federim.identity.keyserver.serve import Listening, listening

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    where = Listening(
        host=host, port=port, certificate=certificate, key=key, authority=ca, alarm_file=alarm_file
    )
    try:
        with heeding_sigterm(), listening(folder, where) as server:
            ERR.print(f"key server listening on {host} port {server.port}", markup=False)
            server.run()
    except KeyboardInterrupt:
        pass
    _show(folder, as_json=as_json)


@keyserver.command()
def rotate(folder: Folder, as_json: AsJson = False) -> None:
    """Open the next epoch; the ones before stay open until they are closed, so that linkage survives."""
    from federim.identity.keyserver.epochs import EpochFolder

    epochs = EpochFolder(folder)
    epochs.open_keys()
    epoch = epochs.open_next()
    report(
        {"epoch": epoch.number, "public": epoch.public.hex()},
        f"epoch {epoch.number} is open, public key {epoch.public.hex()}\n"
        "each site: federim trust add --kind key-server, then federim vault reevaluate; "
        "close the epoch before once all have",
        as_json=as_json,
    )


@keyserver.command()
def close(
    folder: Folder,
    number: Annotated[int, typer.Argument(help="The epoch whose key is destroyed.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Destroy an epoch's key, for ever. Sites that have not re-evaluated by then lose their linkage."""
    from federim.identity.keyserver.epochs import EpochFolder

    epoch = EpochFolder(folder).close(number)
    report(
        {"closed": epoch.number, "public": epoch.public.hex()},
        f"epoch {epoch.number} is closed and its key overwritten; destroy the backups of it too",
        as_json=as_json,
    )


@keyserver.command()
def show(folder: Folder, as_json: AsJson = False) -> None:
    """Check the signed log of counts, and show epochs, what each site asked for, and the alarms."""
    _show(folder, as_json=as_json)


@sites.command()
def add(
    folder: Folder,
    name: Annotated[str, typer.Argument(help="The site's short name.", show_default=False)],
    certificate: Annotated[
        Path, typer.Argument(help="PEM of the certificate it will show.", show_default=False)
    ],
    patients: Annotated[
        int, typer.Option(min=1, help="How many patients it has; its limits follow from that.")
    ],
    per_minute: Annotated[
        int | None, typer.Option(min=1000, help="Points a minute.", show_default="10,000")
    ] = None,
    per_day: Annotated[
        int | None,
        typer.Option(min=1000, help="Points a day.", show_default="a quarter of its patients; 10,000"),
    ] = None,
    ceiling: Annotated[
        int | None,
        typer.Option(min=1000, help="Points in an epoch.", show_default="4 a patient, and 10,000"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let a site ask, or add a certificate to one's (before the old one expires) and set its limits anew."""
    from dataclasses import asdict

    from federim.identity.keyserver.sites import Site, SiteList, fingerprint_of

    site = Site.of_size(name, patients, per_minute=per_minute, per_day=per_day, ceiling=ceiling)
    added = SiteList(folder).add(site, fingerprint_of(certificate))
    report(
        asdict(added),
        f"{name} may ask for {added.per_minute:,} points a minute, {added.per_day:,} a day and "
        f"{added.ceiling:,} in an epoch, under {len(added.certificates)} certificates",
        as_json=as_json,
    )


@sites.command("list")
def list_(folder: Folder, as_json: AsJson = False) -> None:
    """Show the sites that may ask, with their certificates and limits."""
    from dataclasses import asdict

    from federim.identity.keyserver.sites import SiteList

    known = SiteList(folder).all()
    report(
        {"sites": [asdict(site) for site in known.values()]},
        "\n".join(
            f"{site.name:<40} {site.patients:>12,} patients, {site.per_minute:,} points a minute, "
            f"{site.per_day:,} a day, {site.ceiling:,} an epoch; {', '.join(site.certificates)}"
            for site in known.values()
        )
        or "no site may ask; add one with federim keyserver sites add",
        as_json=as_json,
    )


@sites.command()
def remove(
    folder: Folder,
    name: Annotated[str, typer.Argument(help="The site's short name.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Let a site ask no more, under any certificate; what it asked for stays counted."""
    from federim.identity.keyserver.sites import SiteList

    SiteList(folder).remove(name)
    report({"removed": name}, f"{name} may ask no more", as_json=as_json)


def _show(folder: Path, *, as_json: bool) -> None:
    from federim.identity.keyserver.founding import state_of

    state = state_of(folder)
    document = {
        "open": {epoch.number: epoch.public.hex() for epoch in state.open},
        "closed": {epoch.number: epoch.public.hex() for epoch in state.closed},
        "points": [
            {"site": site, "epoch": epoch, "points": points}
            for (site, epoch), points in sorted(state.points.items())
        ],
        "alarms": [
            {"at": alarm.at, "kind": alarm.kind, "site": alarm.site, "certificate": alarm.certificate}
            for alarm in state.alarms
        ],
    }
    lines = [
        *(f"epoch {epoch.number:>3} open    {epoch.public.hex()}" for epoch in state.open),
        *(f"epoch {epoch.number:>3} closed  {epoch.public.hex()}" for epoch in state.closed),
        *(f"{points:>12,} points  {site} epoch {epoch}" for (site, epoch), points in state.points.items()),
        *(f"{alarm.at}  {alarm.kind}  {alarm.site or alarm.certificate}" for alarm in state.alarms),
    ]
    report(document, "\n".join(lines), as_json=as_json)
