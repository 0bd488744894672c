"""`reconciler notify`: sends what became of a plan or an apply to chats, mail and webhooks, by Apprise."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from reconciler.cli.shell import Shell
from reconciler.cli.usage import Misused
from reconciler.core.model.message import text
from reconciler.errors import ReconcilerError, WrongUsage, install_hint, unreadable

if TYPE_CHECKING:
    from reconciler.render.notice import Notice

MAX_BYTES: Final = 256 * 1024 * 1024
_NEXT_URL: Final = re.compile(r"[\s,]+(?=[A-Za-z][A-Za-z0-9]*://)")
_LINK: Final = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]{1,500}")


@click.command()
@click.option("--plan", type=click.Path(path_type=Path), metavar="PLANFILE", help="A saved plan, of plan --out.")
@click.option(
    "--report", type=click.Path(path_type=Path), metavar="REPORT", help="A report, of apply --output or --format json."
)
@click.option("--link", "links", metavar="URL", multiple=True, help="An address to tell as well; repeatable.")
@click.option("--with-ids", is_flag=True, help="Tell the operatorIds too; without it nobody is named.")
@click.option("--dry-run", is_flag=True, help="Print the notice, and send nothing.")
@click.pass_obj
def notify(
    shell: Shell,
    /,
    plan: Path | None,
    report: Path | None,
    links: tuple[str, ...],
    *,
    with_ids: bool,
    dry_run: bool,
) -> None:
    """Send what a plan or an apply came to: the verdict, counts and links; no name, number or value of anybody.

    RECONCILER_NOTIFY holds where it goes, in Apprise's forms, parted by blanks: wecombot://… (企业微信), dingtalk://…
    (钉钉), feishu://… (飞书), slack://…, mailtos://…, jsons://… (a webhook). These hold tokens: no option takes them,
    and no message repeats them. The address of the pipeline's page is told where its variables say it. Exits with 1
    when one of them did not take it. It needs the extra notify.

    \b
    Examples:
      reconciler apply -y --output report.json; reconciler notify --report report.json
      reconciler notify --plan plan.json --with-ids
    """
    if (plan is None) == (report is None):
        raise Misused("clashing-options", text("Pass --plan PLANFILE or --report REPORT."))
    for link in links:
        if not _LINK.fullmatch(link):
            raise Misused("bad-value", text("--link takes an http:// or https:// address."))
    notice = _notice(plan, report, links, with_ids=with_ids)
    if dry_run:
        shell.data(f"{notice.title}\n{notice.text}\n")
        return
    targets = _NEXT_URL.split(os.environ.get("RECONCILER_NOTIFY", "").strip())
    if targets == [""]:
        raise WrongUsage(
            "no-receiver",
            text("nobody to notify"),
            text("set RECONCILER_NOTIFY to URLs in Apprise's forms, such as slack://…"),
        )
    failed = [number for number, took in enumerate(_sent(notice, targets), 1) if not took]
    if failed:
        named = ", ".join(map(str, failed))
        message = text(
            "of {targets} URLs in RECONCILER_NOTIFY these took no notice: number {named}",
            targets=len(targets),
            named=named,
        )
        raise ReconcilerError(
            "not-delivered", message, text("check each by itself; a proxy is named by HTTPS_PROXY here")
        )
    shell.tell(text("notified {targets}", targets=len(targets)))


def _notice(plan: Path | None, report: Path | None, links: tuple[str, ...], *, with_ids: bool) -> Notice:
    from reconciler.cli.pipeline import pipeline_page
    from reconciler.core.saved.plan_json import plan_document
    from reconciler.files.plan_file import load_plan
    from reconciler.render.notice import plan_notice, report_notice

    page = pipeline_page(os.environ)
    told = (*links, *([page] if _LINK.fullmatch(page) else []))
    if plan is not None:
        saved = load_plan(plan)
        return plan_notice(plan_document(saved.plan, saved.tool, saved.created_at), told, with_ids=with_ids)
    assert report is not None  # noqa: S101 - one of the two is given
    try:
        return report_notice(_read(report), told, with_ids=with_ids)
    except (KeyError, TypeError, AttributeError, ValueError):
        raise ReconcilerError(
            "no-report", text("{report} is no report", report=report), text("apply --output makes one")
        ) from None


def _read(report: Path) -> dict[str, Any]:
    from reconciler.files.private import read_regular

    try:
        data, _ = read_regular(report, MAX_BYTES)
    except OSError as error:
        raise unreadable(report, error, text("apply --output makes a report")) from None
    document = json.loads(data)
    if not isinstance(document, dict):
        raise TypeError
    return document


def _sent(notice: Notice, targets: list[str]) -> Iterator[bool]:
    """Whether each of the URLs took the notice.

    Raises:
        WrongUsage: one is none that Apprise knows.
        ReconcilerError: Apprise is not installed.
    """
    logging.disable()  # Apprise and urllib3 log the addresses that they fail to reach, and those hold tokens
    try:
        import apprise  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        raise ReconcilerError("extra-missing", text("notify needs apprise"), install_hint("notify")) from None
    clients: list[Any] = []
    for number, url in enumerate(targets, 1):
        client: Any = apprise.Apprise()
        if not client.add(url):
            hint = text(
                "https://github.com/caronc/apprise/wiki lists the forms; the URL is not repeated, as it holds tokens"
            )
            raise WrongUsage(
                "no-receiver",
                text("URL number {number} in RECONCILER_NOTIFY is none that Apprise knows", number=number),
                hint,
            )
        clients.append(client)
    for client in clients:
        try:
            yield bool(client.notify(body=notice.text, title=notice.title, body_format=apprise.NotifyFormat.TEXT))
        except Exception:  # noqa: BLE001 - whatever a plugin raises may quote its URL
            yield False
