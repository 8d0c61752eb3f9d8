"""Documents as passages to quote from: prose, lists and tables, some of them near one another."""

from __future__ import annotations

RETURNS = (
    "policies/returns.md",
    """# Returns and refunds

## How long you have

Clothing can be returned within 30 days of delivery. Electronics must be sent back within
14 days of delivery, in their original box. Gift cards and food cannot be returned.

## How refunds are paid

We pay the refund to the card you paid with. It takes up to five working days after the parcel
has reached our warehouse in Leeds. Shipping costs are not refunded unless the item was faulty.

## What we need from you

To return an item you need:

- the order number
- the original receipt or the confirmation email
- a filled-in return slip
""",
)
SHIPPING = (
    "shipping/options.csv",
    "Method: Standard, Delivery time: 3-5 working days, Price: 4.90 EUR\n"
    "Method: Express, Delivery time: next working day, Price: 12.50 EUR\n"
    "Method: Pickup, Delivery time: 2 working days, Price: free",
)
SHIPPING_PIPES = (
    "shipping/countries.html",
    """Delivery abroad

| Country | Delivery time | Price |
| --- | --- | --- |
| Germany | 2 days | 6 EUR |
| Norway | 7 days | 19 EUR |
| Japan | 14 days | 35 EUR |
""",
)
PLANS_CSV = (
    "plans.csv",
    "plan,storage,monthly price,support\nStarter,10 GB,5 USD,email\n"
    "Team,200 GB,25 USD,email and chat\nBusiness,2 TB,90 USD,phone and chat",
)
WARRANTY = (
    "products/kettle-k200.pdf",
    """Kettle K200
Product sheet

Capacity and power
The kettle holds 1.7 litres and draws 2200 watts. It switches itself off when the water
boils or when it is lifted from its base.

Warranty
The K200 comes with a warranty of two years from the day of purchase. The warranty does not
cover limescale. Descale the kettle once a month with citric acid.
""",
)
WARRANTY_OTHER = (
    "products/kettle-k500.pdf",
    """Kettle K500
Product sheet

Capacity and power
The kettle holds 2.5 litres and draws 3000 watts.

Warranty
The K500 comes with a warranty of five years from the day of purchase.
""",
)
HOURS = (
    "contact.docx",
    """Contact and opening hours

Our shop in Harbor Street 12 is open Monday to Friday from 9 a.m. to 6 p.m. and on Saturday from
10 a.m. to 2 p.m. It is closed on Sundays and public holidays.

The support line can be called on +44 20 7946 0000 on weekdays from 8 a.m. to 8 p.m. Emails to
help@northwind.example are answered within one working day.
""",
)
LEAVE = (
    "hr/leave.md",
    """# Leave

Full-time employees have 28 days of paid vacation a year. Part-time employees have a share of it
that matches their hours. Unused days can be carried over until 31 March of the next year.

## Sickness

Tell your manager before 9 a.m. on the first day of sickness. A doctor's note is needed from the
fourth day on.

## Parental leave

Parents can take up to 16 weeks of paid parental leave. It has to be announced at least eight weeks
before it begins.
""",
)
FAQ = (
    "faq.md",
    """# Frequently asked questions

**Can I change my delivery address?**
Yes, as long as the parcel has not left our warehouse. Write to us with your order number.

**Do you accept cash?**
No. We accept Visa, Mastercard and PayPal.

**How do I reset my password?**
Choose "Forgotten password" on the sign-in page and follow the link in the email. The link is valid
for 20 minutes.
""",
)
SECURITY = (
    "security.txt",
    "Data protection\n\nCustomer data is stored in Frankfurt and encrypted with AES-256. Backups "
    "are kept for 35 days and then deleted. Only the operations team can read production data.",
)
BILLING = (
    "billing.md",
    """# Billing

Invoices are sent on the first day of each month. They are due within 14 days. After 30 days an
unpaid account is suspended.

You can cancel your subscription at any time with a notice of one month. Annual plans are not
refunded when they are cancelled early.
""",
)
TENANT_A = (
    "fees.md",
    "# Late fees\n\nBooks returned late cost 20 cents a day. "
    "DVDs returned late cost one euro a day.",
)
TENANT_PREMIUM = (
    "tiers.md",
    """# Service levels

Premium customers get an answer within two hours. Standard customers get an answer within two
working days. Premium support is reached by phone, standard support by email only.
""",
)
ALLERGENS = (
    "menu.html",
    """# Menu

| Dish | Contains | Price |
|------|----------|-------|
| Lentil soup | celery | 6.50 |
| Fish pie | fish, milk, wheat | 12.00 |
| Almond tart | nuts, eggs, wheat | 5.50 |

The kitchen is open until 9:30 p.m. Guests with allergies should speak to the staff first.
""",
)
STEPS = (
    "router/setup.md",
    """# Setting up the router

1. Connect the router to the wall socket with the gray cable.
2. Wait until the blue light stops blinking. This takes about three minutes.
3. Open http://192.168.1.1 and enter the code printed on the back.

If the red light stays on, the line is not active. Call us on 0800 123 456.
""",
)
NOTICE = (
    "contracts.md",
    """# Contracts

## Standard plan

The notice period is one month. Data is deleted after 10 days.

## Business plan

The notice period is three months. Data is deleted after 90 days.
""",
)
BICYCLES = (
    "bicycles.md",
    """# Bicycles

Electric bicycles cannot be shipped to islands. Electric bicycles can be returned within 14 days.
Up to 2 electric bicycles can be picked up at once.
""",
)
