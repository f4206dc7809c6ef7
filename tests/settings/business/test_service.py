"""Settings: what is shown, what may be changed and by which rules, what is logged, and what comes into force."""

from contextlib import ExitStack, suppress
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from rental_backend.actor import Actor
from rental_backend.infra.runtime.settings_cache import REFRESH_EVERY
from rental_backend.settings.business.service import change, find, rates
from rental_backend.settings.models import SettingCategory, SettingType, SystemSetting
from tests.accounts.administering import at_once, logged
from tests.conftest import Caller
from tests.refusals import refusal
from tests.serving import until
from tests.statements import statements

pytestmark = pytest.mark.usefixtures("seeded")
FOUR = {
    "rental_status_check_enabled": "false",
    "rental_status_check_time": "03:30",
    "rental_status_log_retention_days": "90",
    "task_scheduler_timezone": "Europe/London",
}


def _secret(session: Session, **values: Any) -> SystemSetting:
    defaults = {
        "setting_key": "sms_key",
        "setting_name": "Key",
        "setting_type": SettingType.STRING,
        "setting_category": SettingCategory.INTEGRATION,
        "setting_value": "hush-1",
        "default_value": "hush-0",
        "is_sensitive": True,
    }
    made = SystemSetting(**{**defaults, **values})
    session.add(made)
    session.commit()
    return made


def _stored(session: Session, key: str) -> str | None:
    session.rollback()
    return session.scalar(select(SystemSetting.setting_value).where(SystemSetting.setting_key == key))


def test_the_page_writes_its_four_settings(signed_in: Caller) -> None:
    """Each of the four keys is found under RENTAL, changed by its key, and there when the page looks again."""
    client = signed_in()

    for key, value in FOUR.items():
        answer = client.put(f"/api/system/settings/{key}?updated_by=somebody", json={"setting_value": value})
        assert (answer.status_code, answer.get_json()["setting_value"]) == (200, value)

    found = {each["setting_key"]: each for each in client.get("/api/system/settings/categories/RENTAL").get_json()}
    assert {key: found[key]["setting_value"] for key in FOUR} == FOUR
    assert {found[key]["updated_by"] for key in FOUR} != {"somebody"}


def test_the_list_is_one_statement_in_order(app: Flask, signed_in: Caller) -> None:
    """All settings in the order of their categories and places, asked for with one statement."""
    client = signed_in("SYSTEM_CONFIG")
    client.get("/api/system/settings")

    with statements(app) as sent:
        found = client.get("/api/system/settings").get_json()

    assert len(sent) == 1
    places = [(each["setting_category"], int(each["display_order"])) for each in found]
    assert places == sorted(places)
    assert len(places) == 22
    narrowed = client.get("/api/system/settings?category=FINANCIAL&include_system=false").get_json()
    assert [each["setting_key"] for each in narrowed][:2] == ["rental_tax_percent", "booking_tax_percent"]
    unfixed = client.get("/api/system/settings?include_system=false").get_json()
    assert {each["is_system"] for each in unfixed} == {False}
    refusal(client.get("/api/system/settings?category=WEATHER"), 422, fields=("category",))
    refusal(client.get("/api/system/settings/categories/weather"), 404)


@pytest.mark.parametrize(
    ("key", "wrong", "right", "stored"),
    [
        ("rental_tax_percent", 100.5, 12.5, "12.5"),
        ("rental_tax_percent", "NaN", "0", "0"),
        ("rental_tax_percent", True, 100, "100"),
        ("rental_late_fee", -1, "7.25", "7.25"),
        ("currency", "XXX", "USD", "USD"),
        ("task_scheduler_timezone", "Mars/Olympus", "UTC", "UTC"),
        ("rental_status_check_enabled", "perhaps", False, "false"),
        ("rental_status_check_time", "24:00", "23:59", "23:59"),
        ("minimum_rental_days", 0, 3, "3"),
        ("minimum_rental_days", 1.5, "4", "4"),
        ("minimum_rental_days", {"days": 1}, 5, "5"),
    ],
)
def test_a_value_keeps_to_its_type_and_rules(
    signed_in: Caller, seeded: Session, key: str, wrong: Any, right: Any, stored: str
) -> None:
    """What does not fit is refused by name and changes nothing; what fits is stored as text."""
    client, before = signed_in("SYSTEM_CONFIG_UPDATE"), _stored(seeded, key)

    refusal(client.put(f"/api/system/settings/{key}", json={"setting_value": wrong}), 422, fields=("setting_value",))
    assert _stored(seeded, key) == before

    assert client.put(f"/api/system/settings/{key}", json={"setting_value": right}).status_code == 200
    assert _stored(seeded, key) == stored


@pytest.mark.parametrize(
    "body", [{}, {"setting_value": None}, {"setting_value": "x\0"}, {"setting_value": "x" * 10_001}]
)
def test_what_is_no_value_is_refused(signed_in: Caller, seeded: Session, body: dict[str, Any]) -> None:
    """Nothing, null, NUL and a novel are 422."""
    _secret(seeded, is_sensitive=False)

    refusal(signed_in().put("/api/system/settings/sms_key", json=body), 422, fields=("setting_value",))


def test_rules_that_somebody_stored_count_as_far_as_they_can(signed_in: Caller, seeded: Session) -> None:
    """A setting the program does not know keeps to the rules of its row; rules that are nonsense are passed over."""
    rules = {"min": 5, "max": "many", "pattern": "(", "choices": 3, "required": True}
    _secret(seeded, setting_type=SettingType.INTEGER, setting_value="6", validation_rules=rules, is_sensitive=False)
    client = signed_in()

    refusal(client.put("/api/system/settings/sms_key", json={"setting_value": 4}), 422)
    assert client.put("/api/system/settings/sms_key", json={"setting_value": 7}).get_json()["setting_value"] == "7"


def test_what_the_system_relies_on_stays(signed_in: Caller, seeded: Session) -> None:
    """A system setting is shown, but neither changed nor reset: 409 with a code of its own."""
    client = signed_in()

    for answer in (
        client.put("/api/system/settings/rental_number_format", json={"setting_value": "R-1"}),
        client.post("/api/system/settings/rental_number_format/reset"),
        client.put("/api/system/settings/cors_origins", json={"setting_value": ["https://evil.example"]}),
    ):
        assert refusal(answer, 409)["code"] == "system_setting"
    assert _stored(seeded, "rental_number_format") == "RENT-YYYYMMDD-NNNN"


def test_a_secret_is_never_shown(signed_in: Caller, seeded: Session) -> None:
    """A sensitive setting is changed like any other, but no answer and no log says what it is or was."""
    _secret(seeded)
    client = signed_in()

    answers = [
        client.get("/api/system/settings"),
        client.get("/api/system/settings/sms_key"),
        client.get("/api/system/settings/sms_key/value"),
        client.get("/api/system/settings/categories/integration"),
        client.put("/api/system/settings/sms_key", json={"setting_value": "hush-2"}),
        client.post("/api/system/settings/sms_key/reset"),
        client.get("/api/system/audit-logs"),
    ]

    assert [answer.status_code for answer in answers] == [200] * 7
    assert all("sms_key" in answer.text and "hush" not in answer.text for answer in answers)
    assert _stored(seeded, "sms_key") == "hush-0"
    assert "hush" not in str(logged(seeded))
    assert [entry[:3] for entry in logged(seeded)] == [("UPDATE", "settings", "sms_key")] * 2


def test_a_change_is_logged_with_both_values(signed_in: Caller, seeded: Session) -> None:
    """The audit log holds what it was and what it is, once; a value that stays the same leaves no trace."""
    client = signed_in(username="ada")

    for value in ("15", "15"):
        client.put("/api/system/settings/rental_tax_percent?updated_by=eve", json={"setting_value": value})

    change = {"before": {"setting_value": "18.00"}, "after": {"setting_value": "15"}}
    assert logged(seeded) == [("UPDATE", "settings", "rental_tax_percent", change)]
    shown = client.get("/api/system/audit-logs?entity_type=settings&success=true&limit=10").get_json()
    assert [(each["user_name"], each["entity_id"]) for each in shown] == [("ada", "rental_tax_percent")]
    assert client.get(f"/api/system/audit-logs/{shown[0]['id']}").get_json() == shown[0]


def test_a_reset_gives_the_first_value_back(signed_in: Caller, seeded: Session) -> None:
    """Whatever the row says its default is, the program's counts; without one it is a conflict."""
    _secret(seeded, default_value=None)
    client = signed_in()
    client.put("/api/system/settings/rental_late_fee", json={"setting_value": "9"})

    assert client.post("/api/system/settings/rental_late_fee/reset").get_json()["setting_value"] == "5.00"
    assert refusal(client.post("/api/system/settings/sms_key/reset"), 409)["code"] == "no_default"
    refusal(client.post("/api/system/settings/nothing/reset"), 404)


def test_values_are_told_by_their_type(signed_in: Caller, seeded: Session) -> None:
    """A percentage is a number, a switch true or false, a list a list; a text that is none of its type is null."""
    _secret(seeded, setting_type=SettingType.DATE, setting_value="soon", is_sensitive=False)
    client = signed_in("SYSTEM_CONFIG")

    def told(key: str) -> Any:
        return client.get(f"/api/system/settings/{key}/value").get_json()["value"]

    assert (told("rental_tax_percent"), told("rental_status_check_enabled"), told("cors_origins")) == (18.0, True, [])
    assert told("sms_key") is None
    refusal(client.get("/api/system/settings/nothing/value"), 404)


def test_a_setting_that_was_not_seeded_comes_to_be(signed_in: Caller, session: Session) -> None:
    """An older database may lack a key that this version knows: three at once change it, and it is there once."""
    session.execute(delete(SystemSetting))
    session.commit()
    client = signed_in()

    def change(value: str) -> Any:
        return lambda: client.put("/api/system/settings/currency", json={"setting_value": value})

    assert at_once(change("USD"), change("EUR"), change("GBP")) == [200] * 3
    assert _stored(session, "currency") in {"USD", "EUR", "GBP"}
    refusal(client.put("/api/system/settings/nothing", json={"setting_value": "1"}), 404)


def test_nobody_overwrites_what_he_has_not_seen(signed_in: Caller) -> None:
    """With the tag of an older look a change is 412, with the present one it is made."""
    client = signed_in()
    seen = client.get("/api/system/settings/currency").headers["ETag"]
    newer = client.put("/api/system/settings/currency", json={"setting_value": "USD"}).headers["ETag"]

    def change(tag: str) -> int:
        body = {"setting_value": "EUR"}
        return client.put("/api/system/settings/currency", json=body, headers={"If-Match": tag}).status_code

    assert (change(seen), change(newer)) == (412, 200)


def test_rates_follow_a_change_at_once_and_cost_nothing(app: Flask, signed_in: Caller) -> None:
    """The next transaction after a change has the new rate; those after it ask nothing of the database."""
    database = app.extensions["services"].database
    signed_in().put("/api/system/settings/rental_tax_percent", json={"setting_value": "5.5"})

    with database.transaction() as inside:
        assert rates(inside).rental_tax_percent == Decimal("5.5")
    with statements(app) as sent, database.reading() as inside:
        again = rates(inside)

    assert (again.rental_tax_percent, sent) == (Decimal("5.5"), [])


def test_a_change_that_is_rolled_back_never_counts(app: Flask) -> None:
    """Rates inside a transaction that fails are not kept for anybody."""
    database = app.extensions["services"].database
    with database.reading() as inside:
        rates(inside)
    change_signal = app.extensions["services"].settings_cache.change_signal.signalled_at

    class Failed(Exception):
        pass

    with pytest.raises(Failed), database.transaction() as inside:
        setting = inside.scalars(select(SystemSetting).where(SystemSetting.setting_key == "rental_tax_percent")).one()
        setting.setting_value = "99"
        app.extensions["services"].settings_cache.changed_by(inside)
        inside.flush()
        raise Failed

    assert app.extensions["services"].settings_cache.change_signal.signalled_at == change_signal
    with database.reading() as inside:
        assert rates(inside).rental_tax_percent == 18


@pytest.mark.parametrize("commits", [True, False])
def test_nobody_else_sees_a_change_before_its_commit(app: Flask, commits: bool) -> None:
    """Who changes a setting and reads it sees his change at once; others after his commit, and never without one."""
    database = app.extensions["services"].database
    with ExitStack() as stack:
        stack.enter_context(suppress(LookupError))
        inside = stack.enter_context(database.transaction())
        change(inside, find(inside, "rental_tax_percent"), Actor(None, "somebody"), "7")
        assert rates(inside).rental_tax_percent == 7
        with database.reading() as outside:
            assert rates(outside).rental_tax_percent == 18
        if not commits:
            raise LookupError

    with database.reading() as later:
        assert rates(later).rental_tax_percent == (7 if commits else 18)


def test_a_change_on_another_host_comes_into_force(app: Flask, seeded: Session) -> None:
    """Nobody lights a beacon here for it; the thread in the background reads again within two seconds and a half."""
    settings_cache = app.extensions["services"].settings_cache
    until(lambda: settings_cache.cached()["rental_tax_percent"] == "18.00", 1)
    change = update(SystemSetting).where(SystemSetting.setting_key == "rental_tax_percent")
    seeded.execute(change.values(setting_value="3"))
    seeded.commit()

    until(lambda: settings_cache.cached()["rental_tax_percent"] == "3", REFRESH_EVERY + 0.5)


@pytest.mark.parametrize("nonsense", ["", "a lot", "-3", "NaN"])
def test_nonsense_in_the_database_is_not_in_force(seeded: Session, nonsense: str) -> None:
    """A text that no operation would have stored gives way to the first value."""
    setting = seeded.scalars(select(SystemSetting).where(SystemSetting.setting_key == "rental_tax_percent")).one()
    setting.setting_value = nonsense
    seeded.commit()

    assert rates(seeded).rental_tax_percent == 18


def test_looking_is_not_changing(signed_in: Caller) -> None:
    """Who may see the settings may not change them, and nobody else sees them."""
    looker, stranger = signed_in("SYSTEM_CONFIG"), signed_in("CUSTOMER_VIEW")

    refusal(looker.put("/api/system/settings/currency", json={"setting_value": "USD"}), 403)
    refusal(stranger.get("/api/system/settings"), 403)
