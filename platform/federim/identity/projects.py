"""The project hop: what a person is in one project, and to nobody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from federim.identity.subjects import pseudonym, shift_days
from federim.identity.vault.epochs import Epochs
from federim.identity.vault.vault import Vault
from federim.keys import ROOT_KEY_BYTES, keyed
from federim.model.errors import IdentityError
from federim.model.identifiers import Pseudonym


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectSubject:
    """A person as one project knows them: nothing in it is found in the lake or in another project."""

    pseudonym: Pseudonym
    date_shift_days: int = field(repr=False)  # from the lake's dates to the project's
    uid_key: bytes = field(repr=False)  # under which the lake's UIDs are keyed once more


class Projects:
    """Derives projects' pseudonyms from the vault's tokens."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._epochs = Epochs(vault.database)

    def subjects(
        self, person_ids: Sequence[Pseudonym], project_key: bytes, *, epoch: bytes | None
    ) -> dict[Pseudonym, ProjectSubject]:
        """See `Exchange.project_subjects`."""
        if len(project_key) != ROOT_KEY_BYTES:
            raise IdentityError(f"project key: {len(project_key)} bytes where {ROOT_KEY_BYTES} were expected")
        asked = list(dict.fromkeys(person_ids))
        people = self._vault.people
        secrets = people.secrets(asked, epoch if epoch is not None else self._epochs.newest())
        missing = [person_id for person_id in asked if person_id not in secrets]
        if missing:
            without_token = len(people.named(missing))
            if without_token:
                raise IdentityError(
                    f"{without_token} of {len(asked)} persons have no token of the project's epoch; "
                    "run federim vault reevaluate"
                )
            raise IdentityError(
                f"{len(missing)} of {len(asked)} persons are not in this home's vault; "
                "restore the vault that belongs to this lake"
            )
        return self._derive(secrets, project_key)

    def known(
        self, person_ids: Sequence[Pseudonym], project_key: bytes, *, epoch: bytes | None = None
    ) -> dict[Pseudonym, ProjectSubject]:
        """As `subjects`, of those alone whom the project may know."""
        chosen = epoch if epoch is not None else self._epochs.newest()
        return self._derive(self._vault.people.secrets(person_ids, chosen), project_key)

    def _derive(
        self, secrets: Mapping[Pseudonym, bytes], project_key: bytes
    ) -> dict[Pseudonym, ProjectSubject]:
        seeds = self._vault.people.named(list(secrets))
        return {
            person_id: ProjectSubject(
                pseudonym=pseudonym(project_key, secret),
                date_shift_days=shift_days(keyed(project_key, "dates", secret))
                - shift_days(seeds[person_id].seed),
                uid_key=keyed(project_key, "uids", secret),
            )
            for person_id, secret in secrets.items()
        }
