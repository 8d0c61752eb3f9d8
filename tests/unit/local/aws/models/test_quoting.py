"""Passages, a question, and what the answer must and must not quote."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from local.aws.models.passages import Passage, find_units, parse_passages
from local.aws.models.quoting import NO_ANSWER, answer
from tests.quoted_documents import (
    ALLERGENS,
    BICYCLES,
    BILLING,
    FAQ,
    HOURS,
    LEAVE,
    NOTICE,
    PLANS_CSV,
    RETURNS,
    SECURITY,
    SHIPPING,
    SHIPPING_PIPES,
    STEPS,
    TENANT_A,
    TENANT_PREMIUM,
    WARRANTY,
    WARRANTY_OTHER,
)


@dataclass(frozen=True)
class Case:
    """`expected` and `citation` must be in the answer; nothing of `forbidden` may be."""

    name: str
    passages: tuple[tuple[str, str], ...]
    question: str
    expected: str  # "" : the documents do not answer
    citation: int = 1
    forbidden: tuple[str, ...] = ()
    earlier: str = ""


MANY = (RETURNS, SHIPPING, WARRANTY, WARRANTY_OTHER, HOURS, LEAVE, FAQ, BILLING)

CASES = (
    Case("window for clothing", (RETURNS,), "How long can I return clothing?",
         "Clothing can be returned within 30 days of delivery.", forbidden=("14 days",)),
    Case("window for electronics", (RETURNS,), "How many days do I have to send back electronics?",
         "within 14 days of delivery", forbidden=("30 days",)),
    Case("synonym for return", (RETURNS,), "Can I exchange gift cards?",
         "Gift cards and food cannot be returned."),
    Case("heading gives the topic", (RETURNS,), "How long does a refund take?",
         "It takes up to five working days"),
    Case("list under its lead-in", (RETURNS,), "What do I need to return an item?",
         "the order number"),
    Case("shipping costs", (RETURNS,), "Are shipping costs refunded?",
         "Shipping costs are not refunded unless the item was faulty."),
    Case("row: price of express", (SHIPPING,), "How much does express delivery cost?",
         "Method: Express, Delivery time: next working day, Price: 12.50 EUR",
         forbidden=("4.90", "free")),
    Case("row: time of standard", (SHIPPING,), "How long does standard delivery take?",
         "3-5 working days", forbidden=("12.50",)),
    Case("pipe table row", (SHIPPING_PIPES,), "How long does delivery to Norway take?",
         'Country: "Norway", Delivery time: "7 days"', forbidden=("14 days", "Germany")),
    Case("pipe table price", (SHIPPING_PIPES,), "What is the price for Japan?",
         'Country: "Japan", Price: "35 EUR"', forbidden=("19 EUR",)),
    Case("csv row", (PLANS_CSV,), "How much storage does the Team plan have?",
         'plan: "Team", storage: "200 GB"', forbidden=("2 TB",)),
    Case("csv row, other column", (PLANS_CSV,), "What support comes with Business?",
         'support: "phone and chat"', forbidden=("Starter",)),
    Case("near topic: K200", (WARRANTY, WARRANTY_OTHER), "How long is the warranty of the K200?",
         "The K200 comes with a warranty of two years from the day of purchase.",
         forbidden=("five years",)),
    Case("near topic: K500", (WARRANTY, WARRANTY_OTHER), "How long is the warranty of the K500?",
         "a warranty of five years", citation=2, forbidden=("two years",)),
    Case("document name decides", (WARRANTY, WARRANTY_OTHER), "How many litres fit into the K500?",
         "The kettle holds 2.5 litres", citation=2, forbidden=("1.7",)),
    Case("wrapped sentence", (WARRANTY,), "When does the kettle switch off?",
         "It switches itself off when the water boils or when it is lifted from its base."),
    Case("negation kept", (WARRANTY,), "Is limescale covered by the warranty?",
         "The warranty does not cover limescale."),
    Case("opening hours", (HOURS,), "When are you open on Saturday?",
         "on Saturday from 10 a.m. to 2 p.m."),
    Case("closed on Sundays", (HOURS,), "Are you open on Sundays?",
         "It is closed on Sundays and public holidays."),
    Case("phone number", (HOURS,), "What is the phone number of the support line?",
         "+44 20 7946 0000"),
    Case("email", (HOURS,), "How quickly are emails answered?",
         "Emails to help@northwind.example are answered within one working day."),
    Case("address", (HOURS,), "Where is your shop?", "Our shop in Harbor Street 12"),
    Case("vacation", (LEAVE,), "How many vacation days do full-time employees get?",
         "Full-time employees have 28 days of paid vacation a year."),
    Case("carry over", (LEAVE,), "Until when can unused vacation be carried over?",
         "Unused days can be carried over until 31 March of the next year."),
    Case("doctor's note", (LEAVE,), "When do I need a doctor's note?",
         "A doctor's note is needed from the fourth day on."),
    Case("parental leave", (LEAVE,), "How much parental leave can I take?",
         "Parents can take up to 16 weeks of paid parental leave.", forbidden=("28 days",)),
    Case("FAQ: answer under its question", (FAQ,), "Can I change the delivery address of my order?",
         "as long as the parcel has not left our warehouse"),
    Case("FAQ: cash", (FAQ,), "Do you take cash?", "We accept Visa, Mastercard and PayPal."),
    Case("FAQ: link", (FAQ,), "How long is the password link valid?",
         "The link is valid for 20 minutes."),
    Case("plain text heading", (SECURITY,), "Where is customer data stored?",
         "Customer data is stored in Frankfurt and encrypted with AES-256."),
    Case("backups", (SECURITY,), "How long do you keep backups?", "Backups are kept for 35 days"),
    Case("due date", (BILLING,), "When are invoices due?", "They are due within 14 days."),
    Case("cancel", (BILLING,), "How can I cancel my subscription?",
         "You can cancel your subscription at any time with a notice of one month."),
    Case("suspension", (BILLING,), "When is an unpaid account suspended?",
         "After 30 days an unpaid account is suspended."),
    Case("near topic: DVDs", (TENANT_A,), "What is the late fee for DVDs?",
         "DVDs returned late cost one euro a day.", forbidden=("20 cents",)),
    Case("near topic: books", (TENANT_A,), "What does a late book cost?",
         "Books returned late cost 20 cents a day.", forbidden=("one euro",)),
    Case("near topic: premium", (TENANT_PREMIUM,), "How fast do premium customers get an answer?",
         "Premium customers get an answer within two hours.", forbidden=("working days",)),
    Case("near topic: standard", (TENANT_PREMIUM,), "How fast do standard customers get an answer?",
         "Standard customers get an answer within two working days.",
         forbidden=("within two hours",)),
    Case("dish's allergens", (ALLERGENS,), "What does the fish pie contain?",
         'Dish: "Fish pie", Contains: "fish, milk, wheat"', forbidden=("celery", "nuts")),
    Case("dish's price", (ALLERGENS,), "How much is the almond tart?",
         'Dish: "Almond tart"', forbidden=("12.00",)),
    Case("text after a table", (ALLERGENS,), "Until when is the kitchen open?",
         "The kitchen is open until 9:30 p.m."),
    Case("step", (STEPS,), "What do I do if the red light stays on?",
         "If the red light stays on, the line is not active."),
    Case("step's code", (STEPS,), "Where is the code printed?",
         "enter the code printed on the back"),
    Case("among many: warranty", MANY, "How long is the warranty of the kettle K200?",
         "a warranty of two years", citation=3, forbidden=("five years",)),
    Case("among many: refund", MANY, "How long does it take until my refund is paid?",
         "It takes up to five working days"),
    Case("among many: invoices", MANY, "When do I have to pay an invoice?",
         "due within 14 days", citation=8, forbidden=("Electronics",)),
    Case("among many: sickness", MANY, "When do I have to call my manager if I am sick?",
         "before 9 a.m. on the first day of sickness", citation=6),
    Case("follow-up", (RETURNS,), "And electronics?", "within 14 days of delivery",
         forbidden=("30 days",), earlier="How long can I return clothing?"),
    Case("follow-up on a product", (WARRANTY, WARRANTY_OTHER), "What about the K500?",
         "five years", citation=2, forbidden=("two years",),
         earlier="How long is the warranty of the K200?"),
    Case("follow-up with a pronoun", (WARRANTY,), "Does it cover limescale?",
         "The warranty does not cover limescale.", earlier="How long is the warranty of the K200?"),
    Case("section decides", (NOTICE,), "What is the notice period of the Business plan?",
         "The notice period is three months.", forbidden=("one month",)),
    Case("other section decides", (NOTICE,), "When is data deleted in the Standard plan?",
         "Data is deleted after 10 days.", forbidden=("90 days",)),
    Case("known subject, unknown matter", (BICYCLES,),
         "How many electric bicycles may I take on a plane?", ""),
    Case("off topic", (RETURNS, SHIPPING), "What is the capital of France?", ""),
    Case("off topic, one common word", (RETURNS, HOURS), "Which shop sells the best pizza?", ""),
    Case("missing fact of a near topic", (BILLING,), "Do you accept Bitcoin payments?", ""),
    Case("missing product", (LEAVE, SECURITY), "How heavy is the kettle?", ""),
    Case("missing country", (SHIPPING_PIPES,), "Do you deliver to Brazil?", "",
         forbidden=("Norway",)),
    Case("nothing retrieved", (), "How long can I return clothing?", ""),
)  # fmt: skip


def ask(case: Case) -> str:
    passages = [Passage(n, *found) for n, found in enumerate(case.passages, start=1)]
    return answer(case.question, case.earlier, passages)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_quotes_the_sentence_that_answers_and_no_other(case: Case) -> None:
    said = ask(case)
    if not case.expected:
        assert said == NO_ANSWER
        return
    assert case.expected in said
    assert f"[{case.citation}]" in said
    assert not [text for text in case.forbidden if text in said]


@pytest.mark.parametrize("case", [c for c in CASES if c.expected], ids=lambda case: case.name)
def test_every_quote_stands_in_the_passage_it_cites(case: Case) -> None:
    texts = [" ".join(text.split()) for _, text in case.passages]
    for quotes, number in re.findall(r"(.+?) \[(\d+)\]", ask(case)):
        for quote in re.findall(r'"([^"]+)"', quotes):
            assert quote in texts[int(number) - 1]


def test_a_borderless_table_row_is_quoted_with_its_columns() -> None:
    table = "Part Tern and Heron Swift E\nFrame 10 years\nBattery - 2 years\nPaint 2 years"
    said = answer("How long is the battery covered?", "", [Passage(3, "warranty.docx", table)])
    assert said == '"Battery - 2 years" (columns: "Part Tern and Heron Swift E") [3]'


def test_sentences_repeated_by_overlapping_chunks_are_quoted_once() -> None:
    whole = Passage(1, "a.md", "Refunds are paid within five days. Ask the desk.")
    cut = Passage(2, "a.md", "are paid within five days. Ask the desk.")
    assert answer("When are refunds paid?", "", [whole, cut]).count("five days") == 1


def test_passages_are_read_from_the_text_of_the_tool() -> None:
    found = parse_passages(
        "[4] (document: a/b (old).md)\nOne.\n\nTwo.\n\n[5] (document: c.txt)\nThree [1].\n"
    )
    assert found == [
        Passage(4, "a/b (old).md", "One.\n\nTwo."),
        Passage(5, "c.txt", "Three [1]."),
    ]
    assert parse_passages("No passages found.") == []


def test_a_passage_of_one_heading_can_still_be_quoted() -> None:
    assert [unit.text for unit in find_units(Passage(1, "a.md", "Open daily"))] == ["Open daily"]
