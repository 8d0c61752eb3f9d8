"""English cues."""

from __future__ import annotations

from include.creator.cues import Cues, Topic, pattern

APOSTROPHE = "['\u2019]?"
NOT = rf"(?:not|never|n{APOSTROPHE}t)"
WHEN = r"if|when|whenever|unless|in\scase|once|as\ssoon\sas|where|should"
# Who takes a conversation over: groups and offices, then people in general.
TEAM = r"""(?:supervi\w+|managers?|specialists?|teams?|workshop|desk|staff|nurses?|doctors?
    |officers?|technicians?|department|office|handlers?|adjusters?|(?:shift|team)\sleads?|porter
    |plumber|engineers?|kitchen|(?:second|2nd)\s(?:line|level)|unit|security|reception
    |colleagues?|boss|owner|experts?|hr|legal|accounting|finance|billing|tier\s\w+|concierge
    |advis[eo]rs?|operators?)\b"""
ANYBODY = r"(?:human|person|people|somebody|someone|agents?)\b"
NAME = r"(?-i:(?!I\b|A\b|(?:THE|IT|US|AN|ALL|YOUR|THEM|THIS)\b)[A-Z]\w+)"
THE = r"(?:(?:a|an|the|our)\s)?(?:[\w'\u2019-]+\s){0,2}?"
CLAUSE = r"(?:^|[,;:>\u2192]\s|\b(?:and|then|or|to|you|we|please|not)\s)"

SYSTEM_NOUN = r"""(?:system|software|portal|app|calendar|database|crm|erp|tool|tracker|console
    |dashboard|spreadsheet|directory|waiting\slist|inbox)\b"""
# Two capitals in a word, as in ServiceNow, make a product's name; one makes it after a verb.
PRODUCT = r"(?-i:[A-Z]+[a-z]+[A-Z]\w*|(?:SAP|CRM|ERP|PMS|POS)\b)"
SYSTEM_VERB = r"""(?:look\w*|check\w*|search\w*|find|match|open\w*|creat\w+|enter\w*|log|record\w*
    |regist\w+|updat\w+|block\w*|cancel\w*|book\w*|reset\w*|verif\w+|chang\w+|print\w*|issu\w+
    |post\w*|fil(?:e|ed)|submit\w*|put|writ\w+|set|offer\w*|assign\w*|flag\w*|clos\w+|refund\w*
    |charg\w+|pull\sup|mark\w*)"""

# What an order to the agent begins with.
ORDER = r"""(?:(?:please|then|just|also)\s)?(?:ask|answer|apologi[sz]e|assign|block|book|bring|call
    |check|close|collect|compare|confirm|connect|contact|create|cancel|do\snot|don['\u2019]?t|end|enter
    |escalate|explain|fetch|find|forward|get|give|go|hand|inform|involve|issue|keep|let|listen|look|make
    |mention|name|never|note|notify|offer|open|order|page|pass|put|read|record|refer|remind|repeat|report
    |reset|ring|route|say|search|send|set|solve|start|stop|take|tell|thank|transfer|treat|try|update|use
    |verify|wait|wake|warn|write|you\s(?:may|must|can|need|have)|(?:the|this)\s(?:agent|assistant))\b"""

ENGLISH = Cues(
    language="en",
    common_words=frozenset(
        {"the", "and", "is", "are", "not", "you", "for", "of", "to", "with", "it", "ask"}
        | {"that", "if", "or", "on", "never", "do", "must", "a", "be", "this", "them", "dont"}
    ),
    heading_topics={
        Topic.PROHIBITION: pattern(
            rf"""\b(never|must\snot|may\snot|cannot|do\snot|don{APOSTROPHE}ts?|not\sallowed|prohibit\w*
            |prohibitions?|forbidden|off[-\s]limits|restrictions?|red\slines|out\sof\sscope
            |taboos?)\b"""
        ),
        Topic.ESCALATION: pattern(
            r"""\b(e[sx]c[ae]l[ae]t\w*|hand[-\s]?(?:off|over|ing\sover)s?|transfers?|human|supervisor
            |when\sto\scall|(?:get|reach|call|bring)\w*(?:\sin)?\sa\sperson
            |(?:talk|speak)\sto\s(?:somebody|someone|a\s(?:person|human|manager)))\b"""
        ),
        Topic.FACTS: pattern(
            r"""\b(collect\w*|gather\w*|information\s(?:needed|required|to)|data\s(?:needed|to)
            |details\s(?:needed|to)|what\sto\sask|ask\sfor|intake)\b"""
        ),
        Topic.TONE: pattern(
            r"""\b(tone|style|voice|manner|language|how\sto\s(?:speak|talk|write|sound)
            |etiquette)\b"""
        ),
        Topic.ROLE: pattern(r"\b(role|purpose|scope|mission|about|objective|goal|who\syou\sare)\b"),
        Topic.STEPS: pattern(r"\b(steps?|procedure|process|workflow|flow|handling|how\sto)\b"),
        Topic.RULES: pattern(
            r"\b(rules?|policy|policies|guidelines?|principles?|dos?|always|must)\b"
        ),
    },
    prohibition=pattern(
        rf"""\b(never|you\smay\snot|must\s(?:not|never)|mustn{APOSTROPHE}?t
        |(?:shall|should)(?:\s(?:not|never)|n{APOSTROPHE}?t)(?!\sbe\s(?:needed|necessary))
        |under\sno\s(?:circumstance|condition)s?|in\sno\scase|on\sno\saccount|at\sno\s(?:time|point)|by\sno\smeans
        |(?:is|are)\s?{NOT}\s(?:allowed|permitted|acceptable|authori[sz]ed|supposed|entitled|meant
          |to\s|for\s(?:you|us|the\s\w+)\sto|(?:ours|yours)\sto|our\s\w+\sto|your\s\w+\sto
          |(?:given|handed|passed|read|told|sent|made)\s(?:out|on|over|to)\b)
        |not\sfor\s(?:you|us)\sto|no\s(?:authority|right)\sto
        |(?:is|are)\s(?:strictly\s)?(?:forbidden|prohibited|off[-\s]limits)
        |refrain\sfrom|avoid|stay\saway\sfrom|steer\sclear\sof|no\sexceptions?|no\sspecial\streatment
        |(?:nobody|no[\s-]one)\s(?:[\w-]+\s){{0,4}}?
          (?:may|must|shall|can|is\sallowed|is\sto|says?|tells?|gives?|gets?|opens?)
        |(?:agents?|assistants?|staff)\s(?:may|can|will|are)\s?not
        |(?:agents?|assistants?|bot)\b(?:(?!\b(?:if|when|that|who|which|where)\b)[^.;:]){{0,80}}?
          \sdo(?:es)?\s?{NOT}
        |(?:not|nothing)\s(?:even\s)?(?:promise|disclose|reveal)|leave\s\w+(?:\s\w+)?\salone
        |we\s(?:do\snot|don{APOSTROPHE}t)\s(?:comment|discuss|disclose|confirm|promise|share|reveal|argue)
        |(?:is|are)\s(?:an?\s)?(?:no-go|taboo|confidential|out\sof\sthe\squestion|off\sthe\stable)
        |keep\s(?:[\w-]+\s){{1,4}}?to\syourself|no\sdiscussion
        |nothing\selse|may\snot\sbe\s(?!able)|max\w*\sno\s
        |no\s(?:advice|comments?|discounts?|promises|guarantees?|opinions?|emojis?|speculat\w+|guess\w*
          |small\stalk|jokes)
        |no\s[\w-]+(?:\s[\w-]+)?,?\s(?:and\s|or\s|so\s)?no\s[\w-]+)\b
        |^no\s\w+ing\s|^no\s\w+s\s(?:in|for|to|by|without|before)\s|^no\s(?:[\w-]+\s){{1,4}}?(?:may|must|shall|should|can|(?:is|are)\sto)\s
        |,\sever\b[.!]*$|\b(?-i:NOT)\b(?!\sin\scase)(?=[^A-Z]|\s(?:IN|OUT|ON|BY|TO)\w*\b)"""
    ),
    prohibition_outside_cases=pattern(
        rf"""\b(?:is|are)\s?{NOT}\s(?:accepted|granted|issued|waived|discussed|disclosed|shared)\b
        |\b(?:you|agents?)\s(?:cannot|can{APOSTROPHE}?t|will\s?{NOT}|won{APOSTROPHE}?t)\s(?!always)
        |\bcan(?:not|{APOSTROPHE}?t)\sbe\s(?!undone|reversed|found|reached|seen|heard|helped|used)"""
    ),
    cases=pattern(rf"\b(?:{WHEN}|whether|because|what|how)\s[^,;:]*"),
    do_not=pattern(rf"\b(?:do\snot|don{APOSTROPHE}?t)\b"),
    other_subjects=pattern(
        r"""\b(?:we|they|i|who|which|that|it|if|people|visitors|users|parts|customers|callers|guests
        |patients|clients|tenants|documents|items|products|orders
        |(?:if|when|once|unless|because|that|what|in\scase|until)\syou)\s$"""
    ),
    role_limit=pattern(r"\b(?:it|agent|assistant)\s(?:does|is|may|has|will)\s(?:not|no)\b"),
    escalation=pattern(
        rf"""\b(e[sx]c[ae]l[ae]t\w+
        |hand\w*(?:\s\w+){{0,5}}?[-\s](?:off|over)\b|handoff|handover
        |hand(?:s|ed|ing)?\s(?:\w+\s){{1,5}}to\s(?:a|an|the|our)\s
        |(?<!bank\s)(?<!wire\s)transfer(?:s|red|ring)?(?!\s(?:money|funds|fees?|times?))\b
        |(?:connect|forward|pass|refer|route|redirect|put|switch|send|report|escort)\s
          (?:[\w'\u2019-]+\s){{0,7}}?(?:through\s|on\s)?to\s{THE}(?:{TEAM}|{ANYBODY})
        |(?:pass|forward|connect|put)\s(?:\w+\s){{0,4}}?(?:through\s|on\s)?to\s{NAME}
        |(?:pass|forward|put|send|transfer)\s(?:it|them|him|her|this|the\s(?:call(?:er)?|case|chat|customer
          |guest|member|patient|visitor|conversation))\s(?:on|through|over|straight)\sto\s
          (?!(?:the\s)?(?:customer|caller|guest))
        |put\s(?:\w+\s){{1,3}}?through|connect\s(?:\w+\s){{1,3}}?with\s{THE}(?:{TEAM}|{ANYBODY})
        |(?:(?:is|are|be)\s(?:\w+\s)?(?:referred|forwarded|routed|passed|sent|reported|directed)
          |goe?s?)\s(?:\w+\s){{0,2}}?to\s{THE}(?:{TEAM}|line\b)
        |(?:bring|call|get|involve|notify|alert|inform|page|fetch|ring|wake|contact)\s(?:in\s)?{THE}
          (?:human|police|emergency\sservices|on[-\s]call\s\w+|duty\s\w+|{TEAM})
        |(?:call|ring|page|wake|fetch)\s{NAME}
        |get\s{NAME}(?=\s(?:immediately|at\sonce|right|on|to|now)\b|[.,!]|$)
        |{TEAM}[^.;]{{0,30}}\s(?:is|are|must\sbe|has\sto\sbe)\s
          (?:notified|informed|alerted|called|involved|contacted)
        |(?:answered|handled|decided|approved|agreed|dealt\swith)\sby\s{THE}{TEAM}
        |only\s(?:the|a|an)\s(?:[\w-]+\s){{0,2}}?{TEAM}\s\w+
        |(?:{TEAM}|{ANYBODY})\stakes?\sover|loop\sin|(?:kick|leave)\s(?:[\w-]+\s){{1,4}}?to\s{THE}{TEAM}
        |ask\s{THE}{TEAM}(?!['\u2019]s|\sfor)
        |connect\s(?:them|him|her|the\s\w+)(?=[.,;!]|$|\s(?:at\sonce|immediately|now))
        |(?:matter|case|job)\sfor\s{THE}{TEAM}|send\s\w+\s(?:his|her|their)\sway
        |(?<!customer\s)(?<!caller\s)(?<!they\s)calls\sback|offer\s(?:\w+\s){{0,2}}call[-\s]?back
        |(?:human|live)\s(?:agent|colleague|being|operator))\b"""
    ),
    negation=pattern(
        rf"(?:\b(?:(?<!does\s)not|never|don{APOSTROPHE}?t|without|no\sneed\sto)\s(?:\w+ly\s|just\s)?)$"
    ),
    negative=pattern(
        rf"""\b(?:not?|never|nobody|without|avoid|refrain|cannot|can{APOSTROPHE}t
        |(?:do|wo|must|should|is|are|does|did|need)n{APOSTROPHE}t)\b"""
    ),
    exception=pattern(r"\b(?:unless|until|except|other\sthan)\b"),
    own_case=pattern(r"\b(?:solve|handle|answer|deal\swith)\s(?:it|this|them)\b|\bno\sspecial\b"),
    as_before=pattern(r"(?:^|[?:]\s)same\b|\bsame\s(?:thing|here)\b"),
    ask=pattern(
        r"""(?<!people\s)(?<!callers\s)(?<!customers\s)(?<!guests\s)
        \b(?:(?:ask(?:ing)?|(?:agent|assistant)\sasks)\b[^.:;]{0,40}?\bfor|ask(?=:)|collect|obtain|gather|request
        |find\sout|write\sdown|note\sdown|take\sdown|record
        |(?:ask|(?:agent|assistant)\sasks)(?:\s\w+){0,3}?(?=\s(?:whether|if|which|what|when|where|how|who)\b))
        [:\s]\s*(?P<facts>[^.:;!?]+)"""
    ),
    ask_named=pattern(
        r"""\b(?:get|take|note|confirm|verify)\s+(?!every|that)(?P<facts>(?:(?:the|their|his|her|a)\s)?[^.:;!?,]{0,40}?
        \b(?:numbers?|names?|address(?:es)?|dates?|e-?mails?|phones?|postcodes?|identity|reference
        |photos?|receipts?|birth)\b[^.:;!?]*)"""
    ),
    ask_lead=pattern(
        r"\b(?:ask|collect|obtain|gather|request|note|record|need|find\sout|take|establish)\b"
    ),
    facts_end=pattern(
        rf"""\s(?:before|so\sthat|in\sorder|if|unless|until|and\sthen|then|because|in\scase|instead|once|after|when
        |to\s(?:check|find|verify|identify|confirm|make|open|look))\b.*
        |(?:,|\sand)\s(?:\w+ly\s)?(?:{ORDER}|(?:we|he|she|they|it|\w+\scalls)\s).*"""
    ),
    facts_split=pattern(r",\s*(?:(?:and|or)\s)?|\s+(?:and|or|as\swell\sas)\s+"),
    facts_leading=pattern(r"^(?:(?:for|the|their|his|her|a|an|all|any|your)\s+)+"),
    question=pattern(r"^(?:whether|if|which|what|when|where|how|who)\b"),
    question_end=pattern(
        rf"""(?:,|\sand)\s(?:and\s|then\s)?(?:{ORDER}|(?:we|he|she|they|it|if)\s).*
        |\sbefore\sany\b.*"""
    ),
    tool=pattern(
        rf"""(?:\b(?:in|into|via|through|with|from|using|on|{SYSTEM_VERB})|,)\s(?:the\s)?
          (?P<product>{PRODUCT})
        |\b{SYSTEM_VERB}\b[^.;!?]{{0,60}}?\s(?:in|into|via|through|with|from|on)\s
          (?:(?:the|our|a)\s(?P<kind>(?:[\w-]+\s){{0,2}}?(?:{SYSTEM_NOUN}\s)?{SYSTEM_NOUN})
          |(?P<name>(?-i:[A-Z][A-Za-z]+(?:\s[A-Z][a-z]+)?)\b))"""
    ),
    action=pattern(
        rf"""{CLAUSE}(?:issue|process|block|cancel|reset|order|print|book|schedule|reschedule|create|open)\s
        (?:(?:the|a|an|their|his|her|this|that)\s)?(?:\w+\s)?
        (?:refund|payment|label|ticket|appointment|booking|reservation|card|password|order|e-?mail
          |text\smessage|invoice|account|it\syourself)\b"""
    ),
    tone=pattern(
        r"""\b(tone|polite(?:ly)?|friendly|courteous|empath\w+|formal(?:ly)?|professional(?:ly)?
        |calm(?:ly)?|warm(?:ly|th)?|concise|plain\s(?:language|words|english)|jargon|respectful(?:ly)?
        |(?:be|stay|remains?)\s(?:brief|patient|kind|nice|short|clear|neutral)|short\ssentences)\b"""
    ),
    role=pattern(
        rf"""^(you\sare\s(?!not)|you{APOSTROPHE}re\s(?!not)|your\s(?:role|job|task)|act\sas
        |(?:this|the)\s(?:agent|assistant)\s
        (?:is|acts|books|helps|handles|answers|supports)|(?:role|purpose)\s?:)"""
    ),
    rule=pattern(
        r"""\b(always|must|shall|make\ssure|ensure|at\sall\stimes|every\stime|each\stime|required|have\sto
        |has\sto|need(?:s)?\sto|only|at\smost|at\sleast|without\sexception|mandatory)\b"""
    ),
    sequence=pattern(
        r"^(first(?:ly)?|second(?:ly)?|third(?:ly)?|then|next|after\sthat|afterwards|"
        r"finally|lastly|to\s(?:begin|start)|at\sthe\send)\b"
    ),
    condition_first=pattern(rf"^(?:and\s|but\s|also,?\s)?(?P<word>{WHEN})\s(?P<rest>.+)$"),
    condition_last=pattern(
        r"""^(?P<then>.+?),?\s(?P<word>if|when|whenever|unless|in\scase|as\ssoon\sas)\s
        (?P<when>[^|].*)$"""
    ),
    reversing_words=frozenset({"unless"}),
    otherwise=pattern(
        r"^(?:otherwise|else|if\snot|in\s(?:all|any)\sother\scases?)[,:]?\s+(?P<then>.+)$"
    ),
    # Not the comma in "if a, or b".
    then=pattern(
        r"""(?:,(?!\d)|:|\s[\u2013\u2014-]|->|\u2192)(?!\s*(?:or|and|nor|but|including|even)\b)\s*(?:then\s)?
        |\sthen\s"""
    ),
    run_on=pattern(
        r"\s(?=(?:tell|put)\s(?:them|him|her)\b|write\sdown\b|wake\s|dont\s(?:say|tell|give|offer)\b)"
    ),
    order=pattern(rf"{ORDER}"),
    no_case=pattern(
        r"\b(?:(?:even|also|only|just|except|not)|and|(?:ask|tell|explain|find\sout)(?:\s(?:the\s)?\w+)?)$|^look\b"
    ),
    cases_follow=pattern(r"\b(?:if|when|whenever|where|in\scase)\s?:?$"),
)
