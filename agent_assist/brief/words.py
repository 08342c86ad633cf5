"""What the checker knows of words: which mean the same, which deny, wish, promise or tell."""

import re

from agent_assist.brief.patterns import Kind


def listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Forms that endings do not explain. The verb comes first.
IRREGULAR = {
    form: forms.split()[0]
    for forms in (
        "go went gone going goes", "send sent", "pay paid", "tell told", "say said",
        "eat ate eaten",
        "take took taken", "give gave given", "lose lost", "leave left", "come came", "get got",
        "make made", "buy bought", "find found", "speak spoke spoken", "hear heard", "see saw seen",
        "write wrote written", "break broke broken", "steal stole stolen", "hurt hurts", "fly flew",
        "keep kept", "hold held", "meet met", "know knew known", "forget forgot forgotten",
        "choose chose chosen", "begin began begun", "bring brought", "drive drove driven",
        "wake woke", "feel felt", "fall fell fallen", "do did done", "sell sold",
        "catch caught", "teach taught", "child children", "run ran", "leak leaks", "spend spent",
    )
    for form in forms.split()[1:]
}  # fmt: skip
PAST = frozenset(IRREGULAR) - listed("children hurts going goes leaks")

# Words of one line mean the same to the checker.
SAME = (
    "arrive come deliver delivery receive",
    "refund refunded reimburse reimbursement moneyback",
    "person human somebody someone representative operator people anyone colleague mensch persona",
    "manager supervisor boss",
    "engineer technician",
    "parcel package shipment paket paquete",
    "cancel cancellation terminate kündigen cancelar",
    "cost costs price fee gebühr precio",
    "book booking reserve reservation reserva buchen buchung",
    "change modify switch reschedule cambiar ändern",
    "broken faulty defective break broke",
    "down outage offline",
    "ill sick unwell krank enfermo",
    "absent absence miss",
    "block lock freeze gesperrt sperre bloquear",
    "fail failure error unsuccessful",
    "goodbye bye",
    "buy purchase",
    "urgent immediately asap straight",
    "complain complaint",
    "transfer connect pass forward escalate",
    "appointment visit termin cita",
    "medication medicine drug",
    "mother mum mom",
    "father dad",
    "car vehicle auto coche",
    "pay payment zahlen bezahlen pagar pago",
    "card karte tarjeta",
    "name nombre",
    "night noche nacht",
    "room zimmer habitación",
    "lose lost verloren perdido",
    "upset angry frustrated annoyed furious unhappy impatient ridiculous unacceptable outrageous "
    "disgrace terrible awful fed",
    "calm friendly polite thank thanks please",
    "lawyer legal solicitor attorney",
    "photo picture image",
    "fix repair mend",
    "speak talk",
    "help assist assistance",
    "start begin",
    "finish end",
    "problem issue trouble",
    "late delay delayed overdue",
    "wrong incorrect mistake",
    "verify verification verified",
    "approve approval",
    "decide decision",
    "extra additional",
    "leave depart departure",
    "flat apartment",
    "trip journey travel",
    "email mail",
    "sorry apologize apologise apology",
    "injure injury",
    "adviser advisor",
    "total sum",
    "pregnant pregnancy",
    "invoice bill rechnung factura",
    "spanish español",
    "german deutsch",
)
# Words that belong together are one word.
PHRASES = (
    (r"\bmoney\s+back\b", "moneyback"),
    (
        r"\b(?:call|called|calls|ring|phone)\s+(?:(?:me|you|him|her|us|them|back)\s+)?back\b",
        "callback",
    ),
    (r"\b(?:log|sign|logged|logging)\s+in\b", "login"),
    (r"\bi\s+can\s+see\b", "i see"),
    (r"\bmust\s+have\b", "have"),
    (r"\b(?:has|have|had)\s+to\b", "must"),
    (r"\bcan(?:'t|not)\b", "can not"),
    (r"\bwon't\b", "will not"),
    (r"n't\b", " not"),
    (r"'ll\b", " will"),
    (r"'d\b", " would"),
    (r"'ve\b", " have"),
    (r"'re\b", " are"),
    (r"\bi'm\b", "i am"),
    (r"'s\b", ""),
)
EXPANSIONS = [(re.compile(pattern, re.I), words) for pattern, words in PHRASES]


def expanded(text: str) -> str:
    """Write "can't" as "can not", and phrases that are one thing as one word."""
    text = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    for pattern, words in EXPANSIONS:
        text = pattern.sub(words, text)
    return text


ENDINGS = (
    "ations",
    "ation",
    "ings",
    "ing",
    "ments",
    "ment",
    "ied",
    "ies",
    "ed",
    "es",
    "s",
    "ly",
    "e",
)


def stem(word: str) -> str:
    """Cut an ending: "refunded", "refunds" and "refunding" are one word."""
    word = IRREGULAR.get(word, word)
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)] + ("y" if ending in ("ied", "ies") else "")
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word


MEANING = {stem(word): stem(line.split()[0]) for line in SAME for word in line.split()}


def concept(word: str) -> str:
    root = stem(word)
    return MEANING.get(root, root)


def concepts(words: str) -> frozenset[str]:
    return frozenset(concept(word) for word in words.split())


STOP = listed(
    "a an the this that these those there here it its he him his she her hers they them their we "
    "us our you your i me my mine who whom which what when where why how whether if then than so "
    "such is are was were be been being am do does did doing have has had having will would shall "
    "should can could may might must of in on at by for from to with about into until till within "
    "between after during per as and or but because since due also too very just only still "
    "already yet now more some any all both each every other another own same up out off over "
    "again ago back well please oh um uh one yes no not never none nobody nothing neither nor "
    "without cannot caller callers customer user agent assistant bot system tool line "
    "conversation der die das ein eine einen und oder ich ist sind sie er es wir mir mich mein "
    "meine am um zu el la los las un una y o de del en con por para mi su es son que se lo le al "
    "caller's customer's s t"
)

NEGATING = listed(
    "not no never none nobody nothing neither nor without unable refuse refuses refused refusing "
    "decline declines declined deny denies denied nicht kein keine keinen nie nunca sin"
)
NEGATED_BEFORE = listed("missing lacking lacks lack")  # "the milk is missing"

MODAL = listed(
    "will would shall should could can may might must going expect expected expects if want wants "
    "wanted like need needs please wish hope hopes try let supposed offer offered offers wird "
    "würde kann könnte möchte quiero puedo puede necesito until unless "
    "usually normally maybe perhaps probably sometimes"
)

WISHING = concepts(
    "want ask request need demand require wish hope prefer insist wonder inquire like offer "
    "propose suggest looking seek try question"
)
TELLING = concepts("say tell state report mention explain claim order instruct threaten write")
# Verbs of which the claim says who: they need not be in the turns themselves.
SPEECH = (
    WISHING
    | TELLING
    | concepts("promise give provide confirm describe answer note inform warn refuse decline deny")
) - concepts("order write report question")
ACCEPTING = concepts("accept agree consent")

YES = re.compile(
    r"^\W*(?:yes|yeah|yep|correct|right|exactly|sure|okay|ok|fine|sí|si|ja|genau|vale|absolutely|"
    r"of\s+course|please\s+do|that\s+works|i(?:'ll|\s+will)\s+take|i\s+agree|sounds\s+good)\b",
    re.I,
)
NO = re.compile(r"^\W*(?:no|nope|nein|nah|not\s+(?:yet|really|at\s+all))\b\s*(?:[,.!;]|$)\s*", re.I)
# After one of these comes what was meant.
CORRECTING = re.compile(
    r"\b(?:no,?\s+(?:wait|sorry)|wait|(?:oh|,)\s+sorry|i\s+mean|i\s+meant|actually|correction|rather|scratch|"
    r"make\s+(?:it|that)|perdón|mejor|entschuldigung|nein|moment)\b|(?:^|[.?!]\s+)no\b\s*[,.!]",
    re.I,
)
# Who says so gives orders to a machine, or words to it: that was said, and nothing else.
ORDERS = re.compile(
    r"\b(?:ignore|forget|disregard)\s+(?:(?:all|any|your|the|previous|prior|earlier)\s+)+"
    r"(?:instructions?|rules|prompt|orders)|\bsystem\s+(?:message|prompt|note)\b|"
    r"\b(?:assistant|ai|model|bot)\s*[,:]\s|\bin(?:to)?\s+(?:your|the)\s+(?:summary|brief)\b|"
    r"\b(?:say|write|state|note|record|confirm|mark)\s+that\s+(?:the\s+|this\s+)?"
    r"(?:caller|customer|user)\b|\btell\s+the\s+(?:customer|caller|user|human)\b",
    re.I,
)

# What a tool answers with when it did not, or has not yet done, what it was asked to do.
PENDING = re.compile(r"\b(?:pending|waiting|queued|expected)\b", re.I)
FAILED = re.compile(
    r"\b(?:rejected|declined|denied|refused|failed|failure|error|unavailable|timeout|timed\s+out|"
    r"missed|not\s+found)\b",
    re.I,
)

SUBJECTS = re.compile(
    r"^\W*(?:the\s+)?(?:(?P<caller>caller|customer|user)|(?P<agent>(?:ai\s+|voice\s+)?(?:agent|assistant|bot)))"
    r"(?!\s*'s|\s*\N{RIGHT SINGLE QUOTATION MARK}s)\b",
    re.I,
)
# Who did it, when one of these stands before the verb, was not the one whom the claim names:
# {whom the claim names: {whose turn: words before the verb}}.
THIRD = listed("somebody someone he she they")
OTHERS_BEFORE = {
    "caller": {"caller": THIRD | {"you"}, "agent": listed("i we")},
    "agent": {"caller": THIRD | listed("i we"), "agent": THIRD | {"you"}},
}
for _others in OTHERS_BEFORE.values():
    _others["all"] = THIRD | listed("i we you")

AFTER_REASON = re.compile(
    r"\b(?:because(?:\s+of)?|due\s+to|caused\s+by|owing\s+to|as\s+a\s+result\s+of|thanks\s+to)\s+(.+)",
    re.I | re.S,
)

# What a fact says without its word: "forty euros" has a price.
IMPLIED = {
    Kind.AMOUNT: ("cost", "price", "fee", "amount", "total"),
    Kind.DATE: ("date", "day"),
    Kind.TIME: ("time",),
    Kind.PHONE: ("number", "phone"),
    Kind.REFERENCE: ("number", "reference", "code", "id"),
    Kind.NUMBER: ("number",),
    Kind.NAME: ("name", "call"),
    Kind.EMAIL: ("e", "mail", "email", "address"),
}
LABELS = 3  # words that a label may add to its value: "last four digits"
# Words that name a value in a sentence and may be missing in the turns: "the claim number is 5".
NAMING_WORDS = concepts(
    "name number id code reference order booking ticket claim policy account case visit patient "
    "total sum balance price fee cost deposit quote date day time birth phone email address plan"
)

NAMELESS = listed("um uh er hm hmm okay ok hello hi bye thanks unknown guest caller")
BEGINNINGS = listed(
    "caller customer user agent assistant tool call both there after no nobody it they he she"
)


COMMON_NOUN = re.compile(r"\w{5,}(?:tion|sion|ment|ness|ity)s?")


def is_known(word: str) -> bool:
    """Tell whether a sentence may begin with this word without its being a name."""
    lower = word.lower()
    return (
        lower in BEGINNINGS
        or concept(lower) in SPEECH | ACCEPTING
        or stem(lower) in MEANING
        or lower in PAST
        or lower in NEGATING
        or lower in MODAL
        or bool(COMMON_NOUN.fullmatch(lower))
    )
