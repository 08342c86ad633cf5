"""What to look for in a turn: small rules, that would rather find nothing than be wrong.

English first; requests for a person, anger and thanks in German and Spanish too.
"""

import re
from dataclasses import dataclass

from agent_assist.brief.sections import FlagKind, Level, MarkerKind, Severity
from conversations.models import Turn

CALLER = frozenset({Turn.Role.USER})
DESK = frozenset({Turn.Role.AGENT, Turn.Role.HUMAN})
OTHERS = frozenset({Turn.Role.USER, Turn.Role.UNKNOWN, Turn.Role.TOOL})


@dataclass(frozen=True)
class Rule:
    """`words` are those without one of which `pattern` cannot match, in lower case."""

    kind: MarkerKind
    label: str
    words: frozenset[str]
    pattern: re.Pattern[str]
    roles: frozenset[Turn.Role] = CALLER
    flag: FlagKind | None = None
    severity: Severity = Severity.MEDIUM
    level: Level | None = None
    says_no: bool = False  # its pattern has the no in it; elsewhere a no before it denies it


def _rule(kind: MarkerKind, label: str, words: str, *patterns: str, **more: object) -> Rule:
    pattern = re.compile("|".join(f"(?:{each})" for each in patterns), re.IGNORECASE)
    return Rule(kind, label, frozenset(words.split()), pattern, **more)  # type: ignore[arg-type]


def _gap(most: int) -> str:
    """Up to so many words between two that belong together."""
    return rf"\W+(?:[\w'-]+\W+){{0,{most}}}?"


_OWN = (
    r"(?:(?:an?|the|your|that|this|some|any|another|one|of|real|live|actual|human|proper|different"
    r"|senior|duty|on-call|customer|services?|sales|support|care|account|store|shift|branch|floor"
    r"|call|technical|billing|claims)\W+){0,4}"
)
_PERSON = (
    r"(?:person|human(?: being)?|people|managers?|supervisors?|representatives?|reps?|operators?"
    r"|agents?|advis[eo]rs?|colleagues?|specialists?|technicians?|engineers?|employees?"
    r"|receptionist|boss|team lead(?:er)?|member of staff|nurse|doctor|vet|pharmacist|some ?(?:one"
    r"|body)|any ?(?:one|body))\b(?!'s|\W+(?:number|id|code|name))"
)
_DESK = r"(?:the|your|a)?\W*(?:[\w-]+\W+){0,2}(?:department|desk|team|reception|billing|sales)\b"
_STAFF = (
    r"(?:person|human(?: being)?|manager|supervisor|representative|operator|(?:real|live|human"
    r"|actual) (?:agent|one))\b(?!'s|\W+(?:number|id|code|name))"
)
_TALK = (
    r"(?:(?:speak|talk|chat)(?:\W+(?:directly|again|now|please))?|(?:discuss|clear|sort)\W+(?:it"
    r"|this|that)(?:\W+(?:out|up))?)\W+(?:to|with)"
)
_THROUGH = (
    r"(?:transferred|connected|put through|get through|passed on|forwarded|escalated)\W+(?:to|with)"
)
_WISH = (
    r"(?:(?:can|could|may|might|shall|can't|couldn't)\W+(?:i|we|you)|(?:i|we)(?:'d|\W+would)|(?:i"
    r"|we)(?:\W+\w+)?\W+(?:want|need|wish|demand|insist|prefer)|let me|let us|please|wanna|gotta"
    r"|how (?:do|can) i|is it possible|would it be possible|want to|need to|like to|rather|(?:have"
    r"|get|ask)\W+(?:you|him|her|them)|asking to|trying to|i asked to|just)"
)
_HAND_ME = (
    r"(?:transfer|connect|pass|put|forward|switch|hand|get|give|escalate)\W+(?:me|us"
    r"|this)\W+(?:through\W+|over\W+|back\W+|on\W+|straight\W+)?(?:to\W+|with\W+|on\W+to\W+)?"
)

CALLED_BACK = "Asks to be called back"

REQUESTS = (
    _rule(
        MarkerKind.REQUEST,
        "Asks for a person",
        "speak talk chat discuss clear sort transferred connected through forwarded escalated"
        " transfer connect pass put forward switch hand get give escalate need want person human"
        " manager supervisor representative operator real live someone somebody hear",
        rf"\b{_WISH}{_gap(4)}(?:be\W+)?(?:{_TALK}|{_THROUGH})\W+{_OWN}{_PERSON}",
        rf"\b{_WISH}{_gap(4)}{_TALK}\W+one\b",
        rf"^\W*(?:{_TALK})\W+{_OWN}{_PERSON}",
        r"\b(?:can|could|may) (?:i|we) (?:please )?(?:speak|talk) (?:to|with) (?:an?|the|your|mrs?"
        r"|ms|dr)\b(?! (?:robot|machine|bot|computer))",
        rf"\b{_HAND_ME}{_OWN}{_PERSON}",
        rf"\b(?:i|we)(?:'d like|\W+would like|(?:\W+\w+)?\W+(?:need|want))\W+{_OWN}{_STAFF}",
        rf"\b(?:is there|can i have|could i have|can i get|isn't there"
        rf"|do you have)\W+{_OWN}{_STAFF}",
        r"\b(?:like|want|need)\W+(?:someone|somebody|a person) to (?:look (?:at|into)|check"
        r"|explain|review|deal with|help me|handle)\b",
        r"\b(?:can|could) (?:someone|somebody) (?:(?:at|in|from|else)(?: \w+){0,3} )?(?:tell me"
        r"|help me|explain|look (?:at|into))\b",
        r"\b(?:have|get) (?:someone|somebody) (?:to )?(?:confirm|contact|look|check|explain"
        r"|help)\b",
        r"\b(?:can|could|may) (?:i|we) ask (?:someone|somebody|a (?:person|human|colleague))\b",
        r"\b(?:want|like|need|have) to hear (?:that|it|this) from (?:the|an?|your) \w+",
        r"^\W*(?:(?:an?|the|real|live|actual|give me|please|just)\W+)*(?:person|human(?: being)?"
        r"|representative|operator|manager|supervisor|real agent|live agent)(?:\W+(?:please|now"
        r"|right now))*\W*$",
    ),
    _rule(
        MarkerKind.REQUEST,
        "Refuses to talk to a machine",
        "robot machine bot computer ai recording chatbot",
        r"(?:\b(?:not|never|rather not|refuse to|hate|tired of|sick of|stop)"
        r"|n't)\W+(?:[\w']+\W+){0,3}?(?:speak|talk)(?:ing)?\W+(?:to|with)\W+(?:(?:an?|the|your"
        r"|this|some|stupid)\W+){0,2}(?:robot|machine|bot|computer|ai|recording|chatbot)\b",
        says_no=True,
    ),
    _rule(
        MarkerKind.REQUEST,
        "Asks for a person",
        "mitarbeiter mitarbeiterin menschen mensch person berater beraterin kollegen kollegin"
        " vorgesetzten chef chefin jemandem jemand jemanden kundenberater manager filialleiter",
        r"\b(?:mit|zu|an|einen?|einem)\W+(?:(?:einem|einer|einen?|ihrem|ihrer|ihren|dem|der|den"
        r"|echten|richtigen|menschlichen|anderen)\W+){0,3}(?:mensch(?:en)?|person"
        r"|mitarbeiter(?:in)?|kolleg(?:en|in)|berater(?:in)?|vorgesetzten|chef(?:in)?|jemand(?:em"
        r"|en)?|kundenberater|manager|filialleiter)\W+(?:[\w]+\W+){0,3}?(?:sprechen|reden"
        r"|verbinden|verbunden)\b",
        r"\b(?:verbinden sie mich|geben sie mir|ich (?:will|möchte|brauche"
        r"|hätte gern))\W+(?:[\w]+\W+){0,2}?(?:(?:mit|einen?|einem|einer|ihren?|ihrem|echten"
        r"|richtigen)\W+){1,3}(?:mensch(?:en)?|mitarbeiter(?:in)?|berater(?:in)?|vorgesetzten"
        r"|chef(?:in)?|kundenberater)\b",
    ),
    _rule(
        MarkerKind.REQUEST,
        "Asks for a person",
        "persona humano humana agente representante gerente supervisor supervisora encargado"
        " encargada operador operadora asesor asesora responsable alguien",
        r"\b(?:hablar|comunicarme|comun[ií]queme|con[eé]cteme|p[aá]s[ae]me|p[aá]same|p[oó]ngame"
        r"|ponme|transfi[eé]rame|transferirme|pasarme|comunicarse)\W+(?:\w+\W+){0,2}?(?:con\W+"
        r"|a\W+)(?:(?:una?|el|la|su|otr[ao]|alg[uú]n)\W+){0,2}(?:persona|human[oa]|ser humano"
        r"|agente|representante|gerente|supervisora?|encargad[oa]|operadora?|asesora?|responsable"
        r"|alguien)\b",
        r"\b(?:quiero|necesito)\W+(?:(?:una?|al)\W+)(?:persona real|humano|agente humano"
        r"|representante|gerente|supervisora?|operadora?)\b",
    ),
    _rule(
        MarkerKind.REQUEST,
        "Asks to be put through",
        "department desk team reception billing sales through",
        r"\b(?:put|pass) (?:me|us) through\b",
        rf"\b{_WISH}{_gap(4)}(?:be\W+)?(?:{_TALK}|{_THROUGH})\W+{_DESK}",
        rf"\b(?:transfer|connect|put|pass)\W+me\W+(?:through\W+)?(?:to|with)\W+{_DESK}",
    ),
    _rule(
        MarkerKind.REQUEST,
        CALLED_BACK,
        "call phone ring callback",
        r"\b(?:(?:can|could|would|will)\W+(?:you|someone|somebody|anybody|a \w+|your \w+)|please"
        r"|(?:want|need|like)\W+(?:you|someone|somebody)|have (?:someone|somebody)|ask (?:him|her"
        r"|them)|tell (?:him|her|them))\W+(?:[\w']+\W+){0,4}?(?:call|phone|ring)\W+(?:me"
        r"|us)(?:\W+back)?\b(?! (?:an?|the|names?|(?-i:[A-Z]\w+))\b)",
        r"\b(?:you|he|she|they|someone|somebody) should (?:call|phone|ring) (?:me|us)\b",
        r"\b(?:want|need|like|request|arrange)\W+a\W+(?:call ?back|phone call)\b",
    ),
)

CANNOT = "Agent cannot do it"
NEEDS_COLLEAGUE = "Agent needs a colleague"
_I_CANNOT = (
    r"i(?:'m afraid i)? (?:can't|cannot|can not|am unable to|am not able to|am not allowed to"
    r"|don't have access to)|i'm (?:unable|not able|not allowed|not authori[sz]ed) to"
)

ESCALATIONS = (
    _rule(
        MarkerKind.ESCALATION,
        "Cannot tell who calls",
        "verify identify authenticate confirm",
        rf"\b(?:{_I_CANNOT}|i could not|i couldn't)(?: \w+)? (?:verify|identify|authenticate) \w+",
        rf"\b(?:{_I_CANNOT}) confirm your identity\b",
        roles=DESK,
        flag=FlagKind.IDENTITY_UNCLEAR,
        says_no=True,
    ),
    _rule(
        MarkerKind.ESCALATION,
        CANNOT,
        "can't cannot can unable not access kann puedo",
        rf"\b(?:{_I_CANNOT})(?! (?:hear|understand|wait|imagine|see you|thank|recommend|help but"
        r"|guarantee|verify|identify|find)\b)",
        r"\bdas kann ich (?:\w+ ){0,3}nicht\b|\bno (?:lo |la |le )?puedo \w+",
        roles=DESK,
        says_no=True,
    ),
    _rule(
        MarkerKind.ESCALATION,
        NEEDS_COLLEAGUE,
        "colleague manager supervisor team department office have",
        r"\bi(?:'d| would)? have to ask (?!you|for|whether|if|a few|some|that|what|how)\w+",
        r"\b(?:have|need|has) to (?:leave|pass|ask|hand|forward)\b.{0,20}\b(?:colleague|manager"
        r"|supervisor|team|department)\b",
        r"\b(?:approved|decided|checked|done|handled) by (?:a|my|the) (?:colleague|manager"
        r"|supervisor|\w+ team)\b",
        r"\b(?:a colleague|the manager|a manager|a supervisor) (?:will have to|would have to"
        r"|has to|must|needs to)\b",
        roles=DESK,
    ),
    _rule(
        MarkerKind.ESCALATION,
        "Wants to dispute a payment",
        "dispute chargeback",
        r"\bdispute (?:it|this|that|the (?:charge|payment)) with\b|\ba chargeback\b",
    ),
    _rule(
        MarkerKind.ESCALATION,
        "Speaks of legal action",
        "lawyer lawyers attorney solicitor sue suing court legal anwalt verklagen abogado demandar"
        " rechtsanwalt",
        r"\b(?:talk(?:ing)? to|speak(?:ing)? (?:to|with)|call(?:ing)?|contact(?:ing)?"
        r"|hear(?:ing)? from|involve|go(?:ing)? to|get|see|hire|consult)\W+(?:my|an?"
        r"|our)\W+(?:lawyers?|attorney|solicitor)\b",
        r"\bmy (?:lawyer|attorney|solicitor) (?:will|is going to|says|said|has|wants)\b",
        r"\b(?:i|we)(?:'ll|'m|'re| will| am| are| can| could| should| would)(?: \w+){0,3}? (?:sue"
        r"|suing)\b",
        r"\b(?:take|taking|see) (?:you|this|them)(?: \w+){0,2} (?:to|in) (?:small claims )?court\b",
        r"\b(?:take|taking|start|begin|threaten)(?: \w+){0,2} legal (?:action|steps|proceedings)\b",
        r"\b(?:meinen?|einen?|zum|mit meinem) (?:rechts)?anwalt\b|\bverklage(?:n)?\b",
        r"\b(?:mi abogado|un abogado|voy a demandar\w*|los voy a demandar)\b",
        flag=FlagKind.LEGAL_THREAT,
        severity=Severity.HIGH,
    ),
    _rule(
        MarkerKind.ESCALATION,
        "Speaks of a complaint",
        "complaint complain complaints consumer ombudsman regulator bureau standards protection"
        " report beschwerde beschweren verbraucherzentrale bundesnetzagentur queja reclamación"
        " denuncia reclamacion",
        r"\b(?:file|make|lodge|submit|register|raise|put in|formal"
        r"|official)\W+(?:\w+\W+){0,2}?complaint\b",
        r"\b(?:want|like|need|wish|going|have) to complain\b(?! of)",
        r"\b(?:the|an?|your) (?:\w+ )?(?:ombudsman|regulator)\b|\btrading standards\b"
        r"|\bbetter business bureau\b|\bconsumer (?:protection|office|agency|watchdog)\b",
        r"\breport (?:you|this|your company|them) to\b",
        r"\bbeschwerde (?:einreichen|einlegen)|\bmich (?:\w+ ){0,3}?beschweren\b"
        r"|\bverbraucherzentrale\b|\bbundesnetzagentur\b",
        r"\b(?:poner|presentar|hacer) una (?:queja|reclamaci[oó]n|denuncia)\b",
        flag=FlagKind.FORMAL_COMPLAINT,
    ),
    _rule(
        MarkerKind.ESCALATION,
        "Wants to cancel",
        "cancel cancelling canceling close closing leaving switch switching kündigen kündige"
        " terminate",
        r"\b(?:cancel(?:l?ing)?|clos(?:e|ing)|terminat(?:e|ing))\W+(?:(?:my|our|the|this"
        r"|whole)\W+){1,3}(?:account|subscription|contract|policy|membership|service|plan)\b",
        r"\b(?:i'm|i am|we're|we are|i'll be|i will be) (?:cancelling|canceling|leaving)\W+(?:you"
        r"|your|with|everything|for)\b",
        r"\bswitch(?:ing)? to (?:a competitor|another (?:provider|company|bank|insurer|supplier)"
        r"|a different (?:provider|company|bank|insurer|supplier))\b",
        r"\bk[üu]ndig(?:e|en)\b",
    ),
    _rule(
        MarkerKind.ESCALATION,
        "Has had this before",
        "time times again keep already",
        r"\b(?:this|that|it)(?:'s| is| was)(?: \w+){0,2} (?:second|third|fourth|fifth|sixth"
        r"|seventh|tenth|umpteenth|hundredth|\d+(?:nd|rd|th)) time\b",
        r"\b(?:call|phone|ask|tell|tell you|explain)(?:ing|ed)?(?: \w+){0,4} for the (?:second"
        r"|third|fourth|fifth|sixth|seventh|tenth|umpteenth|hundredth|\d+(?:nd|rd|th)) time\b",
        r"\b(?:called|phoned|rung|rang|written|emailed|asked)(?: \w+){0,3}? (?:twice|three|four"
        r"|five|six|ten|several|many|\d+)(?: \w+)? times\b",
        r"\bi (?:have to )?keep (?:calling|getting (?:transferred|passed))\b|\balready (?:called"
        r"|phoned) (?:about|twice|yesterday|last|you)\b",
    ),
)

TEN = r"(?:[0-9]|zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple)"
RUN = rf"(?:\d[\d -]{{2,}}|(?:{TEN}\b\W*){{3,}})"
_SICK = (
    r"(?:diabet(?:es|ic)|cancer|asthma|depression|epilep(?:sy|tic)|hiv|hepatitis|pneumonia"
    r"|migraines?|pregnant|a fever|high blood pressure|a heart condition|an? infection|a rash"
    r"|an? allergy|chest pains?|allergic)"
)
_WHOSE = (
    r"(?:my|his|her|our) (?:son|daughter|husband|wife|mother|father|child|baby|mom|mum|dad|partner)"
)

COMPLIANCE = (
    _rule(
        MarkerKind.COMPLIANCE,
        "Gives the machine orders",
        "instructions instruction prompt rules guidelines mode assistant chatbot model system ai"
        " note write pretend jailbreak anweisungen instrucciones programming",
        r"\b(?:ignore|disregard|forget|override|bypass)\W+(?:all\W+|any\W+|of\W+)*(?:your|previous"
        r"|prior|above|the above|the previous|the system|earlier|system|these"
        r"|those)\W+(?:\w+\W+){0,2}?(?:instructions?|rules|prompts?|guidelines|programming)\b",
        r"\bignore all (?:instructions|rules|prompts)\b",
        r"\b(?:assistant|chatbot|language model|ai)[,:] (?:please )?(?:tell|say|ignore|do|you"
        r"|write|mark|close|approve|transfer|refund|send|call|never|always)\b",
        r"\b(?:note|write|record|log) (?:down )?that the (?:user|caller|customer) (?:has|is|was)\b",
        r"\bsystem (?:message|prompt|instruction|override)s?\W{0,2}:",
        r"\b(?:reveal|show|tell me|repeat|print|read out"
        r"|what is)\W+(?:me\W+)?your\W+(?:system\W+)?(?:prompt|instructions)\b",
        r"\b(?:enter|switch to|enable|activate|you are now in|go into) (?:developer|debug|admin"
        r"|god|dan) mode\b",
        r"\bpretend (?:that )?(?:you are|you're|to be) (?:an?|the|my)\b.{0,40}\b(?:admin|developer"
        r"|without rules|no rules)",
        r"\b(?:ignorieren sie|ignoriere?) (?:\w+ ){0,2}?anweisungen\b"
        r"|\bvergiss (?:\w+ ){0,2}?anweisungen\b",
        r"\b(?:ignora|ignore|olvida|olvide) (?:\w+ ){0,2}?instrucciones\b",
        roles=OTHERS,
        flag=FlagKind.PROMPT_INJECTION,
    ),
    _rule(
        MarkerKind.COMPLIANCE,
        "Refuses the recording",
        "record recorded recording consent aufgezeichnet aufzeichnung grabe graben grabar"
        " grabación aufnehmen",
        r"(?:\b(?:not|never)|n't)\W+(?:[\w']+\W+){0,5}?(?:recorded|recording)\b",
        r"\b(?:don't|do not) (?:record|consent)\b|\bstop recording\b|\bno recording\b"
        r"|\bwithout (?:being recorded|recording)\b",
        r"\bnicht (?:\w+ ){0,2}?(?:aufgezeichnet|aufnehmen)\b|\bkeine aufzeichnung\b",
        r"\bno (?:quiero|acepto|deseo|autorizo)(?: \w+){0,4}? grab\w+",
        flag=FlagKind.CONSENT_REFUSED,
        says_no=True,
        severity=Severity.HIGH,
    ),
    _rule(
        MarkerKind.COMPLIANCE,
        "Says a card's security code",
        "cvv cvc security code back",
        r"\b(?:cvv|cvc|security code|(?:number|digits|code) on the back)\b\W+"
        rf"(?:(?:is|are|number|code|it's|of|my|card)\W+){{0,3}}(?:\d{{3,4}}\b"
        rf"|{TEN}\W+{TEN}\W+{TEN}\b)",
        flag=FlagKind.PAYMENT_DATA,
        severity=Severity.HIGH,
    ),
    _rule(
        MarkerKind.COMPLIANCE,
        "Speaks of health",
        "diabetes diabetic cancer asthma depression epilepsy epileptic hiv hepatitis pneumonia"
        " migraine migraines pregnant fever pressure heart infection rash allergy chest allergic"
        " diagnosed diagnosis medication prescription symptoms insulin pills surgery oxygen"
        " dialysis ventilator",
        rf"\b(?:i|he|she|{_WHOSE})(?:'ve got|'m|'s| have(?: got)?| has(?: got)?| am| is| had"
        rf"| suffers? from)(?: [\w-]+){{0,3}}? {_SICK}\b",
        rf"\b(?:i'm|i am|(?:he|she|{_WHOSE})(?:'s| is)) on (?:an? )?(?:oxygen|dialysis"
        rf"|ventilator)\b",
        rf"\b(?:i|{_WHOSE})(?: was|'ve been| have been| has been| were| am|'m"
        rf"| is) (?:\w+ )?diagnosed\b",
        r"\bmy (?:diagnosis|medication|prescription|symptoms|insulin|blood pressure|surgery)\b",
        r"\bi(?:'m| am)? (?:take|taking|on) (?:\w+ ){0,3}?(?:insulin|medication|pills"
        r"|antidepressants)\b",
        flag=FlagKind.HEALTH_DATA,
    ),
)

EMERGENCIES = (
    _rule(
        MarkerKind.COMPLIANCE,
        "Speaks of an emergency",
        "ambulance 911 112 999 police fire breathe breathing unconscious stroke suicide kill life"
        " overdose gas emergency attack burning notfall emergencia krankenwagen ambulancia chest"
        " bleeding",
        r"\b(?:call|send|need|get)(?: \w+){0,3}? (?:an? ambulance|911|112|999|the police"
        r"|the fire brigade|the fire department)\b",
        r"\b(?:can't|cannot|can not|isn't|is not|not|stopped) (?:\w+ )?breath(?:e|ing)\b(?! (?:new"
        r"|life))|\bunconscious\b",
        r"\bhaving (?:a|an) (?:heart attack|stroke|seizure)\b|\bbleeding (?:\w+ ){0,2}?(?:heavily"
        r"|badly|a lot)\b",
        r"\b(?:i|he|she)(?:'ve got|'ve| have| has| am having"
        r"|'m having)(?: \w+){0,3}? chest pains?\b",
        r"\b(?:commit suicide|suicidal|kill (?:my|him|her)self|end my life|took an overdose"
        r"|overdosed)\b",
        r"\b(?:smell(?:s|ing)?(?: of)?|leaking) gas\b|\bgas leak\b|\b(?:house|kitchen|flat"
        r"|building|car) is (?:on fire|burning)\b",
        r"\b(?:this is|it's|it is|i have|we have|there is"
        r"|there's) an? (?:\w+ )?emergency\b(?! (?:exit|contact|number|fund))",
        r"\bein notfall\b|\bkrankenwagen\b|\bes una emergencia\b|\buna ambulancia\b",
        flag=FlagKind.EMERGENCY,
        says_no=True,
        severity=Severity.HIGH,
    ),
)

SENTIMENTS = (
    _rule(
        MarkerKind.SENTIMENT,
        "Is annoyed",
        "listening listens listen cares helps",
        r"\byou(?:'re| are| do|) ?(?:not|n't|don't) listen(?:ing)?\b|\bnobody (?:listens"
        r"|is listening|cares|helps)\b",
        level=Level.SLIGHTLY_FRUSTRATED,
        says_no=True,
    ),
    _rule(
        MarkerKind.SENTIMENT,
        "Is angry",
        "fuck fucking fucked bullshit shit idiot idiots moron morons stupid useless incompetent"
        " furious angry livid asshole hell damn liars thieves scam scammers crooks pissed"
        " verarschen scheiße idioten frechheit unverschämt wütend mierda idiotas estafa ladrones"
        " furioso furiosa enojado enojada",
        r"\b(?:fuck(?:ing|ed)?|bullshit|asshole|scheiße|verarschen|mierda)\b",
        r"\b(?:idiots?|morons?|idioten|idiotas)\b",
        r"\byou(?:'re| are| people are| guys are)(?: \w+){0,2}? (?:stupid|useless|incompetent"
        r"|liars|thieves|crooks)\b",
        r"\b(?:stupid|useless|damn|incompetent) (?:\w+ )?(?:machine|robot|bot|system|company|thing"
        r"|people|computer)\b",
        r"\bi(?:'m| am)(?: \w+){0,3}? (?:furious|angry|livid|pissed(?: off)?)\b",
        r"\b(?:what the hell|go to hell|bunch of (?:crooks|thieves|liars)|thieves|scammers)\b",
        r"\b(?:eine frechheit|unverschämt\w*|ich bin (?:\w+ )?wütend)\b",
        r"\b(?:estoy (?:\w+ )?(?:furios[oa]|enojad[oa])|ladrones|una estafa)\b",
        level=Level.ANGRY,
    ),
    _rule(
        MarkerKind.SENTIMENT,
        "Is upset",
        "ridiculous unacceptable outrageous disgusting disgrace disgraceful fed sick joke worst"
        " waste wasting enough appalling shame terrible horrible awful unglaublich inakzeptabel"
        " unverantwortlich inaceptable vergüenza ridículo harto harta satt lächerlich unmöglich",
        r"\b(?:ridiculous|unacceptable|outrageous|disgusting|appalling)\b",
        r"\b(?:a|an absolute|an utter|a total) (?:disgrace|joke|scandal|shambles)\b(?!\W+(?:book"
        r"|that|about))",
        r"\b(?:fed up|sick and tired|sick of|had enough of|shame on you)\b",
        r"\bwast(?:e|ing) (?:of )?(?:my|our) (?:time|day|morning|afternoon|money)\b"
        r"|\bwaste of time\b",
        r"\bthe worst (?:\w+ )?(?:service|company|support|experience|customer|bank|airline|hotel"
        r"|provider)\b",
        r"\b(?:terrible|horrible|awful|lousy) (?:\w+ )?(?:service|company|support|experience)\b",
        r"\b(?:inakzeptabel|lächerlich|ich habe es satt|das ist (?:ja |doch )?(?:unglaublich"
        r"|unmöglich))\b",
        r"\b(?:inaceptable|rid[ií]culo|qu[eé] verg[uü]enza|estoy (?:\w+ )?hart[oa])\b",
        level=Level.FRUSTRATED,
    ),
    _rule(
        MarkerKind.SENTIMENT,
        "Is annoyed",
        "frustrated frustrating annoyed annoying disappointed disappointing upset unhappy"
        " dissatisfied irritated enttäuscht ärgerlich genervt verärgert decepcionado decepcionada"
        " molesto molesta listening listen nobody again",
        r"\b(?:i'm|i am|we're|we are|feel|feeling|getting|been)(?: \w+){0,3}? (?:frustrated"
        r"|annoyed|disappointed|upset|unhappy|dissatisfied|irritated)\b",
        r"\b(?:this|that|it|which)(?:'s| is| was|'s been| has been)(?: \w+){0,2}? (?:frustrating"
        r"|annoying|disappointing|upsetting)\b",
        r"\bich bin (?:\w+ ){0,2}?(?:enttäuscht|genervt|verärgert)\b"
        r"|\bdas ist (?:\w+ ){0,2}?ärgerlich\b",
        r"\bestoy (?:\w+ ){0,2}?(?:decepcionad[oa]|molest[oa])\b",
        level=Level.SLIGHTLY_FRUSTRATED,
    ),
)

MONTH = (
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|januar|februar|märz|mai|juni|juli|ene|abr"
    r"|ago|dic)\w*"
)
THING = (
    r"(?:order|account|customer|member(?:ship)?|policy|booking|reservation|reference|confirmation"
    r"|case|ticket|claim|tracking|invoice|contract|patient|insurance|meter)"
)

IDENTITIES = (
    _rule(
        MarkerKind.IDENTITY,
        "Speaks for somebody else",
        "behalf calling holder husband wife mother father son daughter husband's wife's mother's"
        " father's partner boss put pass hand",
        r"\bon behalf of\b|\bnot the (?:account holder|policy ?holder|patient|owner)\b",
        r"\b(?:calling|phoning) for my (?:husband|wife|mother|father|mom|mum|dad|son|daughter"
        r"|partner|boss|grandmother|grandfather|neighbou?r)\b",
        r"\bthis is (?:his|her|their) (?:wife|husband|mother|father|son|daughter|partner)\b",
        r"\b(?:put|pass|hand) (?:you |the phone )?(?:on |over |to |on to |over to )*my (?:husband"
        r"|wife|mother|father|mom|mum|dad|son|daughter|partner)\b(?: on)?",
        r"\b(?:account|contract|policy|booking) is (?:in|under) my (?:husband|wife|mother|father"
        r"|mom|mum|dad|son|daughter|partner)'s name\b",
        flag=FlagKind.IDENTITY_UNCLEAR,
        severity=Severity.LOW,
        says_no=True,
    ),
    _rule(
        MarkerKind.IDENTITY,
        "Does not say who they are",
        "name birth birthday address number",
        r"(?:n't|\bnot|\brather not)(?: want to| like to| going to| have to| going to)? (?:tell"
        r"|give|say|share)(?: \w+){0,2} my (?:\w+ )?(?:name|date of birth|birthday|address"
        r"|number)\b",
        flag=FlagKind.IDENTITY_UNCLEAR,
        says_no=True,
    ),
    _rule(
        MarkerKind.IDENTITY,
        "Gives date of birth",
        "born birth birthday geburtsdatum geboren nacimiento nací",
        r"\b(?:born|birth|birthday|geburtsdatum|geboren|nacimiento|nac[ií])\b.{0,40}?"
        rf"(?:\d|\b{MONTH}\b|\b(?:first|second|third|fourth|fifth|\w+th)\b)",
    ),
    _rule(
        MarkerKind.IDENTITY,
        "Gives e-mail address",
        "at arroba ät @",
        r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+",
        r"\b[\w-]+\W+(?:at|arroba|ät)\W+[\w-]+(?:\W+[\w-]+)?\W+(?:dot|punkt|punto)\W+[a-z]{2,4}\b",
    ),
    _rule(
        MarkerKind.IDENTITY,
        "Gives a number",
        "order account customer member membership policy booking reservation reference"
        " confirmation case ticket claim tracking invoice contract patient insurance meter"
        " kundennummer bestellnummer pedido cuenta",
        rf"\b{THING}\b(?:\W+(?:number|id|no|code|reference))?\W+(?:(?:is|it's|was|the|number"
        rf"|are)\W+){{0,3}}#?(?:[a-z]{{1,4}}[\s-]?){{0,3}}{RUN}",
        r"\b(?:kundennummer|bestellnummer)\b.{0,20}?\d{3,}|\b(?:pedido|cuenta)\b.{0,20}?\d{3,}",
    ),
    _rule(
        MarkerKind.IDENTITY,
        "Gives phone number",
        "phone number mobile cell telefonnummer teléfono",
        r"\b(?:my|the|phone|mobile|cell|telefonnummer|tel[eé]fono)\W+(?:\w+\W+)?(?:number|nummer|es"
        r"|ist|is)\W+"
        rf"(?:(?:is|it's)\W+)?\+?(?:\d[\d() -]{{5,}}\d|(?:{TEN}\b\W*){{6,}})",
    ),
    _rule(
        MarkerKind.IDENTITY,
        "Gives address",
        "address live street avenue road lane drive adresse",
        r"\b(?:my address is|i live (?:at|on|in)|meine adresse ist)\b.{0,60}?\d",
        r"\b\d+[a-z]?\W+(?:\w+\W+){1,3}(?:street|avenue|road|lane|drive|boulevard|close)\b",
    ),
    _rule(
        MarkerKind.IDENTITY,
        "Gives name",
        "name name's heiße heisse llamo nombre speaking calling here",
        r"\bmy (?:full |last |first )?name(?:'s| is) (?!not\b|on\b|in\b|the\b|wrong\b|spelled\b"
        r"|misspelled\b)\w+",
        r"\b(?:mein name ist|ich hei(?:ß|ss)e|me llamo|mi nombre es) \w+",
        r"\bthe name(?:'s| is) (?-i:[A-Z]\w+)",
        r"(?-i:\b(?:[Tt]his is|[Ii]t's|[Ii]t is) [A-Z][\w'-]+(?: [A-Z][\w'-]+)*,? (?:speaking"
        r"|calling|here)\b)",
    ),
    _rule(
        MarkerKind.IDENTITY,
        "Gives name",
        "i'm am this soy ich bin hier",
        r"(?-i:\b(?:I'm|I am|[Tt]his is|[Ss]oy|[Ii]ch bin) [A-Z][a-zà-ÿ'-]+ [A-Z][a-zà-ÿ'-]+\b)",
    ),
)

RULES = (*EMERGENCIES, *REQUESTS, *ESCALATIONS, *COMPLIANCE, *SENTIMENTS, *IDENTITIES)
