"""The names of the months in the languages of ``yes_no_words``, with their usual abbreviations."""

import unicodedata
from collections.abc import Iterable
from functools import cache

# Of the Unicode CLDR: each month as in a date and, where that differs, as it stands alone; and usual short forms that
# are not the beginning of a name. Of languages that share names the first is enough.
_MONTHS = {
    "en": "january february march april may june july august september october november december",
    "de": (
        "januar/jänner februar/feber märz/mrz april mai juni juli august september oktober november dezember"
    ),
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": (
        "enero febrero marzo abril mayo junio julio agosto septiembre/setiembre octubre noviembre diciembre"
    ),
    "it": ("gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre"),
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "nl": ("januari februari maart/mrt april mei juni juli augustus september oktober november december"),
    "pl": (
        "stycznia/styczeń lutego/luty marca/marzec kwietnia/kwiecień maja/maj czerwca/czerwiec "
        "lipca/lipiec sierpnia/sierpień września/wrzesień października/październik "
        "listopada/listopad grudnia/grudzień"
    ),
    "cs": (
        "ledna/leden února/únor března/březen dubna/duben května/květen června/červen/čvn "
        "července/červenec/čvc srpna/srpen září října/říjen listopadu/listopad prosince/prosinec"
    ),
    "sk": (
        "januára/január februára/február marca/marec apríla/apríl mája/máj júna/jún júla/júl "
        "augusta/august septembra/september októbra/október novembra/november decembra/december"
    ),
    "hu": (
        "január február március április május június július augusztus szeptember október november december"
    ),
    "tr": "ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık",
    "ro": (
        "ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie"
    ),
    "hr": (
        "siječnja/siječanj veljače/veljača ožujka/ožujak travnja/travanj svibnja/svibanj "
        "lipnja/lipanj srpnja/srpanj kolovoza/kolovoz rujna/rujan listopada/listopad "
        "studenoga/studeni prosinca/prosinac"
    ),
    "sl": "januar februar marec april maj junij julij avgust september oktober november december",
    "sr-Latn": "januar februar mart april maj jun jul avgust septembar oktobar novembar decembar",
    "sr": "јануар фебруар март април мај јун јул август септембар октобар новембар децембар",
    "ru": (
        "января/январь февраля/февраль марта/март апреля/апрель мая/май июня/июнь июля/июль "
        "августа/август сентября/сентябрь октября/октябрь ноября/ноябрь декабря/декабрь"
    ),
    "uk": (
        "січня/січень лютого/лютий березня/березень квітня/квітень травня/травень червня/червень "
        "липня/липень серпня/серпень вересня/вересень жовтня/жовтень листопада/листопад "
        "грудня/грудень"
    ),
    "bg": "януари февруари март април май юни юли август септември октомври ноември декември",
    "el": (
        "ιανουαρίου/ιανουάριοσ φεβρουαρίου/φεβρουάριοσ μαρτίου/μάρτιοσ απριλίου/απρίλιοσ "
        "μαΐου/μάιοσ ιουνίου/ιούνιοσ ιουλίου/ιούλιοσ αυγούστου/αύγουστοσ "
        "σεπτεμβρίου/σεπτέμβριοσ οκτωβρίου/οκτώβριοσ νοεμβρίου/νοέμβριοσ δεκεμβρίου/δεκέμβριοσ"
    ),
    "fi": (
        "tammikuuta/tammikuu helmikuuta/helmikuu maaliskuuta/maaliskuu huhtikuuta/huhtikuu "
        "toukokuuta/toukokuu kesäkuuta/kesäkuu heinäkuuta/heinäkuu elokuuta/elokuu "
        "syyskuuta/syyskuu lokakuuta/lokakuu marraskuuta/marraskuu joulukuuta/joulukuu"
    ),
    "sv": "januari februari mars april maj juni juli augusti september oktober november december",
    "da": "januar februar marts april maj juni juli august september oktober november december",
    "nb": "januar februar mars april mai juni juli august september oktober november desember",
    "id": "januari februari maret april mei juni juli agustus september oktober november desember",
    "he": "ינואר פברואר מרץ אפריל מאי יוני יולי אוגוסט ספטמבר אוקטובר נובמבר דצמבר",
    "ar": "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
    "hi": "जनवरी फ़रवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर अक्टूबर नवंबर दिसंबर",
}
_LEAST_LETTERS = 3


def is_month(word: str) -> bool:
    """Whether a word is the name of a month, or its beginning, in some language."""
    return any(_plain(word) in months for months in _known().values())


def months_of(words: Iterable[str]) -> dict[str, int]:
    """The months that words name, in the language that has most of them; other words are left out.

    Args:
        words: Different words of one column: listopad is November beside grudzień and October beside rujan.
    """
    plain = {word: _plain(word) for word in words}
    languages = sorted(_known().values(), key=lambda months: -sum(name in months for name in plain.values()))
    return {
        word: next(months[name] for months in languages if name in months)
        for word, name in plain.items()
        if any(name in months for months in languages)
    }


@cache
def _known() -> dict[str, dict[str, int]]:
    """For each language its names of months, and all beginnings that are those of one month only."""
    known: dict[str, dict[str, int]] = {}
    for language, names in _MONTHS.items():
        found: dict[str, set[int]] = {}
        whole: dict[str, int] = {}
        for month, forms in enumerate(names.split(), start=1):
            for form in {
                name for written in forms.split("/") for name in (written, _without_accents(written))
            }:
                whole[form] = month
                for letters in range(_LEAST_LETTERS, len(form)):
                    found.setdefault(form[:letters], set()).add(month)
        known[language] = {word: min(months) for word, months in found.items() if len(months) == 1} | whole
    return known


def _plain(word: str) -> str:
    return unicodedata.normalize("NFC", word).casefold().strip(".׳॰'")


def _without_accents(word: str) -> str:
    parts = unicodedata.normalize("NFD", word)
    return unicodedata.normalize("NFC", "".join(sign for sign in parts if not "\u0300" <= sign <= "\u036f"))
