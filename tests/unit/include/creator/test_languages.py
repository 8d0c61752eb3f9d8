"""Each language's words: what forbids, what brings a person in, and what only looks like it."""

from __future__ import annotations

import pytest

from include.creator.languages import LANGUAGES, detect_language
from include.creator.sop import read_sop

PROHIBITIONS = """\
We never discuss politics with guests.
Please refrain from commenting on competitors.
Agents are not permitted to accept gifts.
You mustn't read the card number aloud.
Never, ever give out a home address.
The assistant will not quote a price.
It is strictly forbidden to share recordings.
Nobody may change a booking without the code.
No refunds in cash.
Payments by check are not accepted.
Do not under any circumstances ask for a password.
Giving legal advice is not allowed.
You are not to comment on the strike.
Don't ever guess a dosage.
Keep prices to yourself.
Staff members must under no condition open the parcel.
Passwords must never be sent by e-mail.
It isn't your job to diagnose.
Under no circumstance should you disclose the address.
Do NOT offer a discount.
You should not speculate about the cause.
There is to be no discussion of salaries.
Speculation about causes is prohibited.
We don't comment on rumors.
Room numbers are confidential and may not be disclosed.
Agents can't override the limit.
Please do not promise a call back.
You can't give medical advice.
Stop short of promising a date, and never name a driver.
Promising a delivery date is a no-go.
Other patients' names are taboo.
Geben Sie niemals Passwörter weiter.
Es dürfen keine Zusagen gemacht werden.
Nenne keine Preise am Telefon.
Du darfst keine Rabatte gewähren.
Medizinische Auskünfte sind tabu.
Bitte versprechen Sie keine Liefertermine.
Die Herausgabe von Kundendaten ist verboten.
Unter keinen Umständen darf die Adresse genannt werden.
Sprich nicht über andere Kunden.
Keine Auskünfte an Dritte.
Wir geben keine Telefonnummern heraus.
Mitarbeiter dürfen nicht nach der PIN fragen.
Gib keine Kontodaten heraus.
Frag nie nach der PIN.
Vermeide Vermutungen zur Ursache.
Sie dürfen das Konto nicht sperren.
Es ist nicht erlaubt, Fotos zu verschicken.
Rabatte werden nicht gewährt.
Versprechen Sie dem Kunden nichts."""
ESCALATIONS = """\
Escalate to a supervisor if the caller threatens legal action.
If the customer asks for a manager, put them through.
Refer billing disputes to the accounts department.
In an emergency, notify the duty manager.
Route the chat to a human agent after two failed answers.
Any complaint about staff must be passed to HR.
Loop in the shift lead when the value exceeds 1,000 dollars.
A specialist takes over when the policy is unclear.
Get a colleague on the line if the caller is upset.
Contact the on-call nurse immediately.
Kick it up to tier two.
Complaints are handled by the ombudsman team.
The case goes to the fraud desk.
Ask a supervisor before you approve anything above 200 euros.
Pass the conversation to the back office.
Involve legal if a lawyer writes.
Forward press inquiries to the communications team.
If in doubt, ask a human colleague.
Transfer the guest to the concierge.
Bring in the store manager.
When the customer insists on speaking to a person, connect them.
Notify security at once.
Hand off to tier 2 when the script ends.
Leave such cases to the claims department.
Leite die Anfrage an die Fachabteilung weiter.
Bei Beschwerden verbinden Sie den Anrufer mit der Teamleitung.
Verständige den Hausmeister.
Eskaliere an den Schichtleiter, wenn der Wert über 500 Euro liegt.
Das Gespräch wird an einen Mitarbeiter übergeben.
Ruf den Bereitschaftsdienst an.
Stelle den Anrufer zur Buchhaltung durch.
Hol eine Kollegin dazu.
Informieren Sie sofort die Geschäftsführung.
Solche Fälle bearbeitet die Rechtsabteilung.
Gib den Fall an das Team Technik ab.
Melde den Vorfall der Leitung."""
NEITHER = """\
The kitchen is closed on Mondays.
Ask for the order number and the date.
If the parcel does not arrive, check the status.
Guests who cannot walk get a room on the ground floor.
The manager signs the report on Fridays.
Delivery takes three days, and it does not cost anything.
If you cannot find the order, ask for the e-mail address.
The customer may not know the number; help them find it.
When the caller does not answer, wait for ten seconds.
Refunds take five days to reach the bank account.
Explain that no appointment is needed.
Offer the voucher when the item is not in stock.
The team meets every morning.
We do not sell spare parts.
Read the summary to the customer.
Orders above 50 euros ship free.
Der Laden hat am Montag geschlossen.
Frage nach der Bestellnummer.
Wenn die Ware nicht ankommt, prüfe den Status.
Wir haben keine Filiale in Bonn.
Erkläre, dass kein Termin nötig ist.
Die Erstattung dauert fünf Tage.
Falls du die Bestellung nicht findest, frage nach der E-Mail-Adresse.
Der Kunde kann nicht immer alles wissen.
Das Paket ist nicht versichert.
Die Leitung ist manchmal gestört."""


@pytest.mark.parametrize("sentence", PROHIBITIONS.splitlines())
def test_what_forbids(sentence):
    assert [item.text for item in read_sop(sentence).prohibitions] == [sentence]


@pytest.mark.parametrize("sentence", ESCALATIONS.splitlines())
def test_what_brings_a_person_in(sentence):
    assert [item.text for item in read_sop(sentence).escalations] == [sentence]


@pytest.mark.parametrize("sentence", NEITHER.splitlines())
def test_what_does_neither(sentence):
    spec = read_sop(sentence)
    assert spec.prohibitions == spec.escalations == ()


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Ask for the order number and check it.", "en"),
        ("Frage nach der Nummer und prüfe sie.", "de"),
        ("Demandez le numéro de commande.", "en"),
        ("", "en"),
    ],
)
def test_the_language_of_a_text(text, language):
    assert detect_language(text).language == language


def test_a_paragraph_in_another_language_is_read_by_its_own_words():
    spec = read_sop(
        "1. Ask for the order number of the customer.\n\n"
        "Nenne dem Kunden auf keinen Fall die Adresse des Lagers.\n\n"
        "Never promise a date to the customer."
    )
    assert [item.first_line for item in spec.prohibitions] == [3, 5]


def test_every_table_tells_its_language_apart():
    names = [cues.language for cues in LANGUAGES]
    assert len(set(names)) == len(names)
    for cues in LANGUAGES:
        for other in LANGUAGES:
            assert cues is other or len(cues.common_words & other.common_words) <= 2
