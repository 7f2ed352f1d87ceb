"""Say who a pseudonym stands for. Governance asks, once two people have agreed on why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from federim.home import Home, Role
from federim.identity.projects import Projects
from federim.identity.vault.vault import Vault
from federim.model.errors import IdentityError
from federim.model.identifiers import Pseudonym


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """A person as their own site knows them."""

    person_id: Pseudonym
    identifiers: tuple[tuple[str, str], ...] = field(
        repr=False
    )  # (who gave it, number); "" is the site itself
    originals: dict[str, str] = field(repr=False)  # of the keyed UIDs asked for: what the PACS calls them


class Reidentification:
    """The site's own way back from a pseudonym. A context manager."""

    def __init__(self, home: Home) -> None:
        self._vault = Vault.open(home.require(Role.SITE))
        self._projects = Projects(self._vault)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._vault.close()

    def person_behind(
        self, pseudonym: Pseudonym, project_key: bytes | None = None, epoch: bytes | None = None
    ) -> Pseudonym:
        """The person of this site's lake behind a pseudonym of a project, or of the lake itself.

        Parameters
        ----------
        project_key : bytes, 32, optional
            That of the project; None where the pseudonym is the lake's.
        epoch : bytes, 32, optional
            The key server's epoch that the project pins.

        Raises
        ------
        IdentityError
            Nobody of this site's vault bears it.
        """
        people = self._vault.people
        if project_key is None:
            if people.named([pseudonym]):
                return pseudonym
        else:
            known = people.everyone()
            for person_id, one in self._projects.known(known, project_key, epoch=epoch).items():
                if one.pseudonym == pseudonym:
                    return person_id
        raise IdentityError(
            "nobody of this site bears that pseudonym; expected one of its own lake, or of a project whose "
            "key it holds (--project)"
        )

    def digest(self, person_id: Pseudonym) -> str:
        """What stands for a person in registers and the audit trail, 64 hexadecimal digits."""
        return self._vault.suppression.of_audit(person_id).hex()

    def recognise(self, person_id: Pseudonym, keyed_uids: Sequence[str] = ()) -> Recognised:
        """Who the person is, and what their site calls the objects that were found.

        Raises
        ------
        IdentityError
            The vault does not know the person, or an object is not one of theirs.
        """
        identifiers = self._vault.people.identifiers(person_id)
        if not identifiers:
            raise IdentityError("the person is not in the vault any more")
        originals = self._vault.originals.of(person_id) if keyed_uids else {}
        missing = sum(uid not in originals for uid in keyed_uids)
        if missing:
            raise IdentityError(f"{missing} of {len(keyed_uids)} UIDs are of no object of this person")
        return Recognised(
            person_id=person_id,
            identifiers=tuple((issuer, value) for _, issuer, value in identifiers),
            originals={uid: originals[uid] for uid in keyed_uids},
        )
