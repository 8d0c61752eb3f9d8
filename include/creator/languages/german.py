"""German cues."""

from __future__ import annotations

from include.creator.cues import Cues, Topic, pattern

WHEN = r"wenn|falls|sofern|sobald|solange|im\sfalle?,?\sdass|außer\swenn|es\ssei\sdenn"
# A case may begin with its verb: "Ist ein Buch verliehen, ...".
VERB_FIRST = r"""ist|sind|hat|haben|hilft|helfen|stimm(?:t|en)|kann|können|will|wollen|möchten?
    |wird|werden|gibt|liegt|liegen|fehlt|fehlen|kommt|kommen|geht|gehen|steht|stehen|ruft|fragt
    |verlangt|meldet|braucht|bittet|droht|besteht|reicht|fällt|passt|funktioniert|findest\sdu|kannst\sdu|sollten?"""
TEAM = r"""(?:(?:(?!anleitung)\w{0,30}-?)?(?:leitung|leiter(?:in)?|führung|chef(?:in)?|team
      |abteilung|stelle|büro|zentrale|theke|empfang|rezeption|dienst|bereitschaft|vorgesetzte\w*
      |beauftragte\w*|verwaltung|buchhaltung|support|technik(?:er(?:in)?)?|meister(?:in)?)
    |kolleg\w+|mitarbeiter\w*|fachkr\w+|menschen?|person|polizei|notarzt|arzt|ärztin
    |sachbearbeite\w+|(?:frau|herrn?)\s\w+)\b"""
THE = (
    r"(?:(?:an|mit|bei|zur?m?|in|auf)\s)?"
    r"(?:(?:den|die|das|der|dem|einen?|einem|einer|unsere?\w?)\s)?(?:\w+en\s)?"
)

# What an order begins with: "Nenne", "Gib", "Nennen Sie". Nouns and adverbs may end like one.
IMPERATIVE = r"""(?:(?!(?:k?eine|dies\w|jede|alle|ohne|viele|manche|wenige|einige|solche|welche|die
      |sie|heute|[mds]eine|ihre|unsere|leute|kunde)\b)[\w-]{2,20}e
    |gib|lies|nimm|lass|sprich|versprich|hilf|frag|sag|sieh|ruf|hol|[\w-]{3,20}en\sSie)\b
    (?!\s(?:ist|sind|hat|haben|wird|werden|kann|können|darf|will|war)\b)"""
ORDER = rf"""(?:bitte\s|dann\s)?(?:{IMPERATIVE}|(?:musst|darfst|kannst)\sdu\b|kann\ses\b|muss\b)"""

GERMAN = Cues(
    language="de",
    common_words=frozenset(
        {"der", "die", "das", "und", "ist", "nicht", "du", "sie", "ein", "eine", "einen", "den"}
        | {"dem", "mit", "für", "auf", "von", "zu", "nach", "wenn", "oder", "bei", "nie"}
        | {"keine", "keinen", "auch", "werden", "wird", "im", "zum", "zur", "nur", "immer", "bitte"}
        | {"am", "über", "gib", "kein", "frage", "darf", "niemals", "sofort", "sind", "des", "dich"}
    ),
    heading_topics={
        Topic.PROHIBITION: pattern(
            r"""\b(nicht\sdürf\w+|nicht\sdarf\w*|darfst\sdu\snicht|verbot\w*|verboten\w*|untersagt|niemals|nie
            |tabus?|unzulässig\w*|einschränkungen|don['\u2019]?ts)\b"""
        ),
        Topic.ESCALATION: pattern(
            r"""\b(eskal\w+|übergabe\w*|weiterleit\w+|weitergabe\san|weiterverbind\w+|verbinden
            |mit\seinem\smenschen)\b"""
        ),
        Topic.FACTS: pattern(
            r"\b(benötigte\w*|erforderliche\sangaben|angaben|abfragen|was\sdu\sfragst|daten)\b"
        ),
        Topic.TONE: pattern(r"\b(ton(?:fall)?|stil|sprache|umgangston|anrede)\b"),
        Topic.ROLE: pattern(r"\b(aufgaben?|rolle|zweck|ziel|geltungsbereich|wer\sdu\sbist)\b"),
        Topic.STEPS: pattern(r"\b(ablauf|schritte?|vorgehen|verfahren|prozess)\b"),
        Topic.RULES: pattern(r"\b(regeln?|grundsätze?|immer|stets|richtlinien?|pflichten)\b"),
    },
    prohibition=pattern(
        r"""\b(nie|niemals|keinesfalls|keineswegs|auf\skeinen\sfall|in\skeinem\sfall|unter\skeinen\sumständen
        |(?:darf|darfst|dürfen|sollst|sollen|soll|sollte|solltest)\s(?:[\w,-]+\s){0,9}?
          (?:nicht|keine?[nmrs]?|niemand\w*|nichts)
        |(?:nicht|keine?[nmrs]?|niemand\w*|nichts)\s(?:[\w,-]+\s){0,7}?(?:darf|darfst|dürfen)
        |niemand\s(?:darf|sagt|gibt|nennt|erhält)|(?:ist|sind)\s(?:\w+\s){0,2}?
          (?:untersagt|verboten|unzulässig|tabu|nicht\s(?:erlaubt|gestattet|zulässig|befugt))
        |(?:nicht|keine?[nmrs]?)\s(?:\w+\s){0,6}?zu\s(?:geben|machen|nennen|versprechen|sagen)\b
        |wir\s(?:geben|nennen|machen|sagen|bestätigen|versprechen)\s(?:[\w-]+\s){0,3}?(?:nicht|keine?[nmrs]?)
        |(?:werden|wird)\s(?:\w+\s){0,2}?nicht\s(?:gewährt|erteilt|gegeben|angenommen|herausgegeben|genannt)
        |verzichte\w?\sauf|unterlass\w*|vermeide\w*|hüte\sdich|lass\sdie\sfinger\svon
        |(?:bist|ist|sind)\s(?:dazu\s)?nicht\s(?:befugt|berechtigt|ermächtigt)|ohne\sausnahme\skeine?\w?
        |keine\sausnahmen?)\b"""
    ),
    prohibition_outside_cases=pattern(
        r"""\bkann\s(?:\w+\s){0,4}?nicht\s(?:\w+\s){0,2}?(?!rückgängig|gefunden|erreicht)\w+\swerden\b
        |^keine?[nmrs]?\s(?:auskünfte|auskunft|beratung|rabatte?|zusagen?|versprechen|gutscheine?)\b"""
    ),
    cases=pattern(rf"(?:\b(?:{WHEN}|ob|weil|was|wie)|^(?:{VERB_FIRST}))\s[^,;:]*"),
    # An order turned round, as in "Nenne keine Preise", "Diskutiere nicht", "Geben Sie nichts".
    do_not=pattern(
        rf"""(?:^|[,;:>\u2192]\s|\b(?:und|dann|aber|bitte|sondern|oder)\s){IMPERATIVE}\s
        (?:(?!\b(?:wenn|falls|ob|dass|was)\b)[^,.;:]){{0,60}}?
        \b(?:nicht|keine?[nmrs]?|nichts|niemand\w*)\b"""
    ),
    other_subjects=pattern(r"\b(?:wir|ich|er|es|wer)\s$"),
    role_limit=pattern(
        r"\b(?:du|er|sie|assistent(?:in)?)\s(?:\w+\s){1,4}?(?:nicht|keine?[nmrs]?)\b"
    ),
    escalation=pattern(
        rf"""\b(eskal\w+|übergi?bs?t?\b|übergeben|übergabe
        |(?:leite\w*|gib|gibst|geben|verbinde\w*|stelle?n?|reiche\w?|schicke?\w?|verweise\w?|melde\w?|wende\w?)
          \s(?:[\w,-]+\s){{0,8}}?(?:an|zu|zur|zum|mit|bei)\s{THE}{TEAM}
        |melde\w*\s(?:\w+\s){{1,4}}?der\s{TEAM}|(?:leite\w*|verbinde\w*|stelle\w?)\s(?:[\w,-]+\s){{0,8}}?(?:weiter|durch)
        |(?:weitergeleitet|weiterleiten|weiterverbinden|weiterverbunden|durchstellen|durchgestellt)
        |(?:verständig\w+|informier\w+|benachrichtig\w+|alarmier\w+|ruf\w*|hol\w*|ziehe?)\s
          (?:(?:\w+\s){{0,2}}?{THE}{TEAM})
        |(?:nimmt|entscheidet|beantwortet|bearbeitet|klärt|übernimmt)\s
          (?:(?:nur|allein|ausschließlich)\s)?(?:die|der|das|unsere?)\s{TEAM}
        |{TEAM}\s(?:ruft\szurück|übernimmt|entscheidet)|rückruf\s(?:an|durch))\b"""
    ),
    negation=pattern(r"\b(?:nicht|nie|niemals|kein\w*|ohne)\s(?:\w+\s)?$"),
    negative=pattern(r"\b(?:nicht|nie|niemals|keine?\w?|ohne|niemand\w*|nichts)\b"),
    exception=pattern(r"\b(?:außer|es\ssei\sdenn|bevor|ausgenommen)\b"),
    own_case=pattern(r"\b(?:löse|bearbeite|beantworte)\s(?:es|das|sie|ihn)\sselbst\b"),
    as_before=pattern(r"(?:^|[?:]\s)(?:ebenso|genauso|dasselbe|das\sgleiche)\b"),
    ask=pattern(
        r"""\b(?:frag\w*\s(?:[\w]+\s){0,3}?nach|erfrag\w*|notier\w*|erfass\w*\s(?=name|titel|datum|anschrift)
        |brauchst\sdu|benötigst\sdu|bitte\s(?:[\w]+\s){0,3}?um|frag\w*(?:\s\w+){0,3}?,?(?=\s(?:ob|welche\w?|was|
          wann|wo|wie|wer)\b)|lass\sdir)[:\s]\s*(?P<facts>[^.:;!?]+)"""
    ),
    ask_named=pattern(
        r"""\b(?:nimm|prüfe)\s(?P<facts>(?:(?:die|den|das|seine|ihre)\s)?(?:\w*nummer|name\w?|adresse|anschrift
        |geburtsdatum|datum)\b[^.:;!?]*)"""
    ),
    ask_lead=pattern(
        r"\b(?:frag\w*|erfrag\w*|notier\w*|erfass\w*|brauchst|benötigst|erforderlich)\b"
    ),
    facts_end=pattern(
        r"""\s(?:bevor|damit|um\szu|wenn|falls|sofern|und\sdann|dann|weil|(?:und|,)\s
        (?:prüfe|suche|öffne|sage|sag|nenne|erkläre|biete|schicke|trage|gib|vergleiche|verbinde|leite))\b.*"""
    ),
    facts_split=pattern(r",\s*(?:(?:und|oder)\s)?|\s+(?:und|oder|sowie)\s+"),
    facts_leading=pattern(
        r"^(?:(?:nach|den|die|das|dem|der|einen|eine|ein|seine|ihre|alle|um)\s+)+"
    ),
    question=pattern(r"^(?:ob|welche\w?|was|wann|wo|wie|wer)\b"),
    question_end=pattern(r",\s(?:und|dann)\s.*"),
    tool=pattern(
        r"""\b(?:prüfe\w*|suche\w*|schlag\w*|öffne\w*|erfass\w*|trag\w*|buch\w*|verlänger\w*|sperr\w*|stornier\w*
        |leg\w*|änder\w*|sieh|schau\w*|erstell\w*|aktualisier\w*|notier\w*|druck\w*)\b[^.;!?]{0,60}?\s
        (?:(?:in|über|mit|via)\s(?P<name>(?-i:[A-Z]\w{3,}))(?=[\s.,;:!]|$)
          |(?:im|in\sder|in\sdie|ins|in\sdas|in\sunserem?)\s
          (?P<kind>(?:[\w-]*)(?:system|portal|software|datenbank|kalender|app|kartei|programm|liste)\b))
        |(?P<product>(?-i:\b[A-Z]+[a-z]+[A-Z]\w*|\bSAP\b))"""
    ),
    action=pattern(
        r"""(?:^|[,;:]\s|\b(?:und|dann)\s)(?:erstatte|sperre|storniere|buche|bestelle|drucke|schicke)\s
          (?:(?:die|den|das|eine?n?)\s)?(?:\w+\s)?
          (?:erstattung|konto|termin|buchung|karte|bestellung|ausweis|etikett|e-?mail|brief|rechnung)\b"""
    ),
    tone=pattern(
        r"""\b(ton|freundlich\w*|höflich\w*|geduldig\w*|sachlich\w*|ruhig\w*|respektvoll\w*|sieze\w*|duze\w*
        |kurzen?\ssätzen?|einfache[nr]?\s(?:sprache|worte[n]?)|verständlich\w*)\b"""
    ),
    role=pattern(r"^(du\sbist\s(?!nicht)|sie\ssind\s(?!nicht)|deine\saufgabe|ihre\saufgabe)"),
    rule=pattern(
        r"""\b(immer|stets|muss|musst|müssen|unbedingt|jedes\smal|bei\sjeder|bei\sjedem|nur|höchstens
        |mindestens|sorge\sdafür|achte\sdarauf|verpflichtend)\b"""
    ),
    sequence=pattern(
        r"^(zuerst|zunächst|als\serstes|dann|danach|anschließend|schließlich|zum\sschluss|am\sende)\b"
    ),
    condition_first=pattern(
        rf"^(?:und\s|aber\s|auch\s)?(?P<word>{WHEN}|(?={VERB_FIRST}))\s?(?P<rest>.+)$"
    ),
    condition_last=pattern(rf"^(?P<then>.+?),?\s(?P<word>{WHEN})\s(?P<when>.+)$"),
    reversing_words=frozenset({"es sei denn", "außer wenn"}),
    otherwise=pattern(
        r"^(?:andernfalls|ansonsten|sonst|wenn\snicht|in\sallen\sanderen\sfällen)[,:]?\s+(?P<then>.+)$"
    ),
    then=pattern(
        r"""(?:,|:|\s[\u2013\u2014-]|->|\u2192)(?!\s*(?:oder|und|noch|sondern|auch|die|der|das|dass|ob)\b)
        \s*(?:dann\s|so\s)?"""
    ),
    run_on=pattern(r"(?!)"),  # German puts a comma there
    order=pattern(ORDER),
    no_case=pattern(r"\b(?:(?:auch|nur|selbst|außer|nicht)|(?:frag\w*|erkläre?)(?:\s\w+)?)$"),
    cases_follow=pattern(r"\b(?:wenn|falls|sofern|sobald)\s?:?$"),
)
