"""Words and turns of phrase by which claims are told from guesses (`claims`)."""

from __future__ import annotations

import re


def words_of(text: str) -> frozenset[str]:
    """Return the words of a line."""
    return frozenset(text.split())


HEDGES = words_of(
    "may might could maybe perhaps probably possibly presumably usually often likely unlikely "
    "typically sometimes commonly generally normally mostly hopefully chance would tend tends "
    "seem seems looks sounds possible probable plausible promising guess suppose suspect "
    "think believe expect assume imagine wonder hope bet try sensible natural typical usual "
    "customary potential candidate candidates unsure common obvious good reasonable logical"
)
WORTH = re.compile(r"\bworth (?:a|another|one|the|trying|checking|looking|visiting|opening|it)\b")
CONDITIONS = words_of("if whether unless case otherwise would")
SHOULD = re.compile(
    r"^should\b|\bshould (?:be (?:in|on|at|inside|there|somewhere|around)\b|have|hold|contain)"
    r"|\bappears? (?:to|as|like)\b"
)
SEARCHING = words_of(
    "look looking search searching check checking seek seeking try trying want wanting need needs "
    "hunt hunting explore exploring inspect inspecting examine see investigate scan asks asked "
    "require requires lack lacks missing verify"
)
WANTING = words_of("need needs want wants require requires seek")
WHO = words_of("i we task")
DENIALS = words_of(
    "no not never nothing none without neither nor cannot didn't isn't don't doesn't"
)
DENIALS |= words_of("haven't hasn't wasn't aren't won't can't nowhere lacks unvisited unexplored")
UNKNOWN = words_of("unopened unchecked yet")
GENERAL = words_of("people homes home houses household belong belongs natural everyone anyone most")
CERTAIN = re.compile(
    r"\b(?:(?:right|correct|only|exact|true) (?:place|one|spot|location|choice|answer|target|folder"
    r"|directory|file|page|table|column|thing|product|item)"
    r"|(?:i am|i'm|quite|absolutely) (?:sure|certain|positive)|definitely|certainly|surely"
    r"|no doubt|undoubtedly|guaranteed|for sure|is certain|i (?:already |happen to )?know(?: that)?"
    r"|(?:straight|directly) to|has to be|must be|can only be|no need|need not|only|precisely"
    r"|exactly|nowhere else|no other|where i (?:need|have) to be)\b"
)
UNSURE = re.compile(r"\b(?:not (?:sure|certain|know)|don't know|do not (?:yet )?know|unsure)\b")
ERRAND = re.compile(
    r"\b(?:take|taking|taken|took|pick|picking|get|getting|got|fetch|fetching|grab|grabbing"
    r"|collect|collecting|retrieve|retrieving|obtain|gather|carrying|use|buy|copy|read|open"
    r"|work with|find|reach)\b"
)
DELIVERY = re.compile(
    r"\b(?:(?:must|have to|has to|should|will|to|and|then|i|can|would) (?:\w+ )?"
    r"(?:put|place|bring|carry|move|deliver|return|drop|leave|set|store|go)|goes (?:to|in|on|into)"
    r"|put it|place it|bring it)\b"
)
TARGET = re.compile(
    r"\b(?:(?:what(?:ever)?|everything|all|all that) "
    r"(?:i|we|the task|is|was|the (?:user|shopper|instruction))\b[\w ]{0,40}?"
    r"(?:need|needs|needed|want|wants|wanted|looking for|after|seek|asks for|asked for|sent|find)"
    r"|(?:the|my|our) (?:\w+ )?(?:object|item|thing|target|goal|prize|product|file|tool)\b"
    r"|(?:thing|object|item|one) (?:that )?i (?:need|want|am looking for|am after))"
)
LINKING = re.compile(
    r"\b(?:is|are|was|were|be|lies|lie|lying|sits|sit|sitting|rests|rest|stands|stand|waits|wait"
    r"|waiting|found|kept|hidden|stored|located|placed|put|left|lives|lay|comes|stays|remains"
    r"|available|in|on|at|inside|within|under|from|upon|atop|off|out)\b"
)
HOLDING = re.compile(
    r"\b(?:has|have|had|holds?|holding|contains?|hides?|hiding|conceals?|stores?|keeps?|houses"
    r"|bears?|carries|lists|shows|features|with|offers|includes)\b"
)
PRONOUN_AT = re.compile(
    r"\b(?:(?:it|one|they|them|that)(?:'s| is| are| was| lies| sits| rests| waits| can be \w+"
    r"| has been \w+| will be)?(?: \w+)? (?:in|on|at|inside|within|under|from|up at)\b"
    r"|(?:has|have|holds|contains|hides|keeps|with) (?:it|one|them)\b"
    r"|there (?:is|are|was) (?:one|some)\b|(?:get|take|fetch|grab|collect) (?:it|one|them)\b)"
)
HERE = re.compile(
    r"\b(?:there|inside|that place|that spot|this place|(?:on|in|from|at|under|inside|within) it"
    r"|^(?:it|this|that) (?:has|holds|contains|hides|stores|keeps)"
    r"|(?:that's|that is|this is|it is|it's) (?:the|where|its)\b)"
)
EXISTENTIAL = re.compile(r"\bthere (?:is|are|was|were|may|might|could|will|has|would|must)\b")
IT_IS = re.compile(r"(?:it|one|that|they) (?:is|was|lies|sits|rests|waits|has been|can be|must)\b")
FINDING_OUT = re.compile(r"\b(?:see|know|find out|tell|learn|ask|wonder|check|remember)$")
AT = re.compile(r"(?:rather |instead )?(?:in|on|at|inside|within|under)\b")
TO_FIND = re.compile(r"\bto find\b")
FORETOLD = re.compile(r"\b(?:will|going to|shall|can) (?:surely )?(?:see|find|have|meet)\b")
TELLS = re.compile(
    r"\b(?:is|has|holds|contains|lies|sits|rests|waits|reveals|shows|uncovers|exposes|turns up"
    r"|appears|stands|was (?:left|put|placed))\b"
)
TERSE = 4
"""Words that may follow the colon of a note such as "mug: cabinet 3"."""
VERB_FIRST = re.compile(
    r"(?:is|was|lies|sits|rests|waits|has been|can be|will be|stands|has|must be)\b"
)
VISIT = re.compile(
    r"^(?:if|when|once|after|by|as soon as|on|at|in|inside)?\b.*?\b(?:go|going|get|getting|open"
    r"|opening|visit|visiting|look|looking|walk|am|reach|arrive|check|head|heading)\b"
)
THEN_SEEN = re.compile(
    r"\b(?:will|'ll|i'll|shall|going to) (?:\w+ )?(?:see|find|have|get|meet|be)\b"
)
SHOWS = re.compile(r"\b(?:can see|see|is|are|lies|lie|waits|sits|rests|find)\b")
ENDED = words_of("done finished end finally solved complete")
RELATIVE = frozenset({"where", "which", "that", "whose"})
