"""Properties of languages, and language detection.

Direction, the page's own words, and whether a text is in a language.
"""

import re
from dataclasses import dataclass

_FEWEST_CHARACTERS = 200  # detectors guess at anything shorter
_MANY = 0.15  # share of its own commonest words that a text in another language does not reach
_COMMON = {
    "en": "the of and to in is that it for on with as are be this or your you from by not an at have can what when",
    "de": "der die das und ist nicht ein eine in zu den von mit sich auf für es sie im dem als auch wie wenn was oder",
    "fr": "le la les des et est une du en pour dans qui sur pas au avec ce vous plus votre sont",
    "es": "el la los las y en un una es con del su al lo más si cuando qué",
    "it": "il la le di e che un una è per in con non si del della da al sono come più o i gli se",
    "nl": "de het een van en in is dat op te voor met zijn niet die aan je om of als er bij ook uit",
    "pt": "o os as e em um uma é com não do da na mais ou ao dos",
}
_FAMILIES = (  # detectors mix these up, and so do readers of a short text
    {"no", "nb", "nn", "da"},
    {"hr", "sr", "bs", "sh"},
    {"id", "ms"},
    {"zh", "yue", "wuu"},
    {"pt", "gl"},
    {"cs", "sk"},
    {"fa", "ps", "prs"},
    {"ar", "ary", "arz"},
    {"he", "iw", "hbo"},
    {"tl", "fil"},
)
_RIGHT_TO_LEFT = {"ar", "ary", "arz", "ckb", "dv", "fa", "he", "iw", "ps", "sd", "sdh", "ug", "ur", "yi"}
_RIGHT_TO_LEFT_SCRIPTS = {"Arab", "Hebr", "Thaa", "Syrc", "Nkoo"}
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class Labels:
    """Words that stand on a page without a writer having chosen them."""

    questions: str = "Frequently asked questions"
    by: str = "By"
    reviewed_by: str = "Reviewed by"
    offline_language: str = "en"  # of the next line, which few languages have yet
    offline: str = "Not written by AI: template text of the offline writer, to show how Longtail works."


_LABELS = {
    "de": Labels(
        "Häufige Fragen", "Von", "Geprüft von", "de", "Nicht von einer KI: Mustertext des Offline-Schreibers."
    ),
    "fr": Labels("Questions fréquentes", "Par", "Relu par"),
    "es": Labels("Preguntas frecuentes", "Por", "Revisado por"),
    "it": Labels("Domande frequenti", "Di", "Revisione di"),
    "pt": Labels("Perguntas frequentes", "Por", "Revisto por"),
    "nl": Labels("Veelgestelde vragen", "Door", "Nagekeken door"),
    "sv": Labels("Vanliga frågor", "Av", "Granskad av"),
    "da": Labels("Ofte stillede spørgsmål", "Af", "Gennemgået af"),
    "nb": Labels("Ofte stilte spørsmål", "Av", "Gjennomgått av"),
    "fi": Labels("Usein kysytyt kysymykset", "Kirjoittaja:", "Tarkastaja:"),
    "pl": Labels("Najczęściej zadawane pytania", "Autor:", "Sprawdzenie:"),
    "cs": Labels("Časté dotazy", "Autor:", "Kontrola:"),
    "tr": Labels("Sıkça sorulan sorular", "Yazan:", "İnceleyen:"),
    "ru": Labels("Частые вопросы", "Автор:", "Проверка:"),
    "uk": Labels("Поширені запитання", "Автор:", "Перевірка:"),
    "ja": Labels("よくある質問", "著者:", "校閲:"),
    "zh": Labels("常见问题", "作者:", "审核:"),
    "ko": Labels("자주 묻는 질문", "글:", "검토:"),
    "ar": Labels("الأسئلة الشائعة", "بقلم", "مراجعة:"),
    "he": Labels("שאלות נפוצות", "מאת", "נבדק על ידי"),
    "hi": Labels("अक्सर पूछे जाने वाले सवाल", "लेखक:", "समीक्षा:"),
}
_PLAIN = Labels()


def primary(tag: str) -> str:
    """Return the language of a tag, without script and region."""
    return tag.split("-", 1)[0].lower()


def labels(tag: str) -> Labels:
    """Return the page's own words; English where there is no translation."""
    return _LABELS.get(primary(tag), _PLAIN)


def direction(tag: str) -> str:
    """Return ``rtl`` or ``ltr``, by the script if the tag names one."""
    scripts = [part for part in tag.split("-")[1:] if len(part) == 4]
    if scripts:
        return "rtl" if scripts[0] in _RIGHT_TO_LEFT_SCRIPTS else "ltr"
    return "rtl" if primary(tag) in _RIGHT_TO_LEFT else "ltr"


def is_in(text: str, tag: str) -> bool:
    """Return whether ``text`` is written in the language of ``tag``.

    True where that cannot be detected.

    Common words decide it without the detector, which takes 100 MB and is loaded for the first unclear text.
    """
    language = primary(tag)
    if len(text) < _FEWEST_CHARACTERS or _is_plainly(text, language):
        return True
    import py3langid  # noqa: PLC0415 - see above

    known = {label for label, _ in py3langid.rank(text)}
    family = {language}.union(*(family for family in _FAMILIES if language in family))
    return not family & known or py3langid.classify(text)[0] in family


def _is_plainly(text: str, language: str) -> bool:
    common = set(_COMMON.get(language, "").split())
    words = _WORD.findall(text.lower())
    return bool(words) and sum(word in common for word in words) / len(words) >= _MANY
