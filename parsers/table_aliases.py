"""What people call the columns of their lists, in several languages: one cell of a header -> what stands below it.

Spellings come from the exports of KiCad (localized ones too), Altium, Eagle, Fusion, SolidWorks, BrickLink's tools,
Brick Owl, Rebrickable and shop order forms. Compared are letters and digits alone: `Mfg. Part #` is `mfgpart`.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

MAX_CELL = 80  # characters of a header's cell; longer ones are text


class Meaning(NamedTuple):
    """What a header's cell announces."""

    field: str  # our name of it; IGNORED where the column is known and of no use
    weight: int = 50  # among several columns for one field, the heaviest is taken first
    space: str | None = None  # whose numbers stand there, where the words say it
    currency: str | None = None  # of a price: `Price (EUR)`


IGNORED = "ignored"
STRONG = 40  # a column of this weight holds part numbers whatever stands beside it


def words(text: str) -> frozenset[str]:
    """The words of a text, for tables that are easier to read so."""
    return frozenset(text.split())


# (field, weight, space) -> spellings, letters and digits only
_SPELLINGS: dict[tuple[str, int, str | None], str] = {
    ("raw_id", 90, "mpn"): """
        mpn mfrpartnumber mfrpartno mfrpart mfgpart mfgpartno mfgpartnum mfgpartnumber mfgrpartnumber mfrpn mfgpn mfpn
        mpnumber mpno manufacturerpartnumber manufacturerpartno manufacturerpartnum manufacturerpart manufacturerpn
        manufacturerspartnumber manufacturersku manufacturernumber manpartno manufpartnumber partnumbermanufacturer
        herstellernummer herstellerteilenummer herstellerartikelnummer referencefabricant numerodefabricante
        referenciafabricante codiceproduttore 制造商零件编号 制造商编号 制造商料号 制造商型号 厂家型号 厂商料号 型号 manufacturerpartnumber1 mpn1
        """,
    ("raw_id", 75, None): """
        part parts partno partnum partnumber partid partnumbers partcode pn partsnumber component componentid itemcode
        designnumber artikelnummer artikelnr artnr artno teil teile teilenummer teilenr teilnr bauteil bauteilnummer
        sachnummer materialnummer piece pieceno piecenumber pieza numeropieza numerodeparte codigo referenciapieza
        numerodepiece referencepiece articolo codice codicearticolo peca onderdeel onderdeelnummer sku articleno
        articlenumber article stockcode productcode productno productnumber materialno materialnumber
        零件 零件号 零件编号 料号 编号 物料编码 物料编号 brick brickid brickno mold mould moldid mouldid boid
        """,
    ("raw_id", 70, "lego"): "design designid designno designnr designnumber",
    ("raw_id", 45, "mpn"): """
        supplierpart supplierpartno supplierpartnumber supplierpn supplierpartnumber1 distributorpartnumber
        vendorpartnumber vendorpart vendorpn lcsc lcscpart lcscpartnumber jlcpcbpart jlcpcbpartnumber jlcpart
        digikeypartnumber digikeypn digikey mouserpartnumber mouserpn mouser farnell lieferantennummer bestellnummer
        bestellnr ordercode ordernumber orderno 供应商编号 供应商料号 立创编号 商品编号
        """,
    ("raw_id", 30, "mpn"): "value val values wert valeur valor valore waarde 值 数值 元件值",
    ("raw_id", 26, "mpn"): "device libref libpart symbol",
    ("raw_id", 20, None): "itemno itemnum itemnumber itemid number nummer no nr id code model numero 元件编号",
    ("raw_id", 10, None): "item",
    ("element_id", 60, "element"): """
        element elementid elementno elementnr elementnum elementnumber elementids elementnummer legoelement
        idelement numeroelement 元素编号
        """,
    ("comment", 50, None): "comment comments kommentar commentaire comentario commento 注释 备注",
    ("color", 50, None): """
        color colour colors colours farbe farben couleur kleur colore cor 颜色
        """,
    ("color", 52, None): """
        colorid colourid colorcode colourcode colornum colorno colornumber farbcode farbnummer farbnr farbid codecouleur
        颜色编号
        """,
    ("color_name", 50, None): "colorname colourname farbname nomcouleur nombrecolor kleurnaam 颜色名称",
    ("qty", 90, None): """
        qty qtys quantity quantities menge anzahl stuckzahl stuck stueck stueckzahl stk stck quantite qte cantidad cant
        quantita qta quantidade aantal qtyneeded qtyrequired quantityneeded quantityrequired needed required minqty
        minquantity wantedqty want wanted orderqty orderquantity qtyordered quantityordered ordered 数量 用量 个数
        """,
    ("qty", 70, None): """
        quantityperpcb qtyperpcb qtyperboard quantityperboard qtypcb perboard qtyper qtyperunit quantityperunit
        qtyperassembly qtyperassy unitqty mengeprostuck 单板用量 每板数量
        """,
    ("qty", 60, None): "count num nb nombre numerodepieces pieces pcs pc ea each units numberofparts ofparts",
    ("qty", 50, None): "totalqty totalquantity qtytotal quantitytotal gesamtmenge amount",
    ("qty_filled", 50, None): "qtyfilled filled quantityfilled have qtyhave owned received qtyreceived",
    ("reference", 60, None): """
        ref refs reference references referencedesignator referencedesignators refdes refdesignator designator
        designators refname bezeichner referenz referenzen referenzbezeichner referencia referencias riferimento
        riferimenti repere reperes 位号 参考 参考编号 标号 元件位号
        """,
    ("manufacturer", 50, None): """
        manufacturer manufacturers mfr mfg mfgr manf manuf manufacturername mfrname mfgname maker brand hersteller
        fabricant fabricante produttore 制造商 厂商 厂家 品牌 manufacturer1
        """,
    ("name", 50, None): """
        name partname itemname title bezeichnung teilebezeichnung artikelbezeichnung benennung nom nombre
        designation designationpiece nome naam productname 名称 元件名称 品名
        """,
    ("description", 50, None): """
        description desc descriptions partdescription itemdescription beschreibung descripcion descrizione descricao
        omschrijving descrip 描述 说明 规格 规格描述
        """,
    ("remarks", 50, None): """
        remark remarks note notes bemerkung bemerkungen anmerkung anmerkungen notiz remarque remarques notas observaciones
        """,
    ("category", 50, None): "category categoryname kategorie categorie categoria partcategory 类别 分类",
    ("condition", 50, None): "condition cond zustand etat estado condizione neworused newused",
    ("unit_price", 60, None): """
        unitprice priceunit priceperunit priceeach priceper pricepc priceperpc pricepiece priceperpiece unitcost costperunit
        priceea costeach einzelpreis stuckpreis preisprostuck preisstuck epreis prixunitaire prixunit preciounitario
        precounitario prezzounitario stukprijs unit 单价 eachprice
        """,
    ("unit_price", 40, None): "price preis prix precio preco prezzo prijs cost kosten 价格",
    ("max_price", 50, None): "maxprice maximumprice pricemax hochstpreis",
    ("currency", 50, None): "currency currencycode wahrung devise moneda valuta 货币 币种",
    ("spare", 50, None): "isspare spare spares extra isextra ersatzteil ersatz",
    ("alternate", 50, None): "alternate isalternate alt",
    ("counterpart", 50, None): "counterpart iscounterpart",
    ("match_id", 50, None): "matchid match",
    ("item_type", 60, None): "itemtype itemtypeid typeid",
    ("item_type", 30, None): "type",
    ("lot_id", 50, None): "lotid lot lotno inventoryid",
    ("weight", 50, None): "weight gewicht poids peso totalweight itemweight",
    ("package", 50, None): "footprint package pattern case gehause boitier encapsulado 封装 封装规格 pcbfootprint",
    ("dnp", 50, None): "dnp dni dnf dnm donotpopulate donotplace donotfit nofit notfitted excludefrombom",
    (IGNORED, 50, None): """
        total totalprice totalcost extprice extendedprice extended ext extcost subtotal linetotal gesamt gesamtpreis summe
        prixtotal preciototal 总价 金额 index pos position line lfdnr row sheet library datasheet datenblatt url link image
        supplier vendor distributor lieferant fournisseur proveedor supplier1 供应商 side layer mount 层 数据手册 tolerance
        voltage sale bulk rgb colorcategory weightunit lifecycle rohs stock inventory level bomlevel
        """,
}
_VENDORS = {
    "bricklink": "bricklink", "bl": "bricklink", "bricksync": "bricklink", "brickstore": "bricklink",
    "ldraw": "ldraw", "lego": "lego", "ldd": "lego", "tlg": "lego",
    "rebrickable": "rebrickable", "rb": "rebrickable",
}  # fmt: skip
_PART_WORDS = words("id no num number part partno partnum partnumber partid item itemno itemnum itemnumber itemid")
_COLOR_WORDS = words("color colour colorid colourid colorno colornumber colorcode farbe colornum")
_CURRENCIES = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "₽": "RUB", "zł": "PLN", "us$": "USD", "￥": "CNY"}
_CODES = words(
    "EUR USD GBP JPY CNY CHF CAD AUD NZD SEK NOK DKK PLN CZK HUF RUB BRL MXN KRW INR SGD HKD TWD TRY ZAR ILS"
)
_BRACKETS = re.compile(r"[(\[](?P<inside>[^()\[\]]*+)[)\]]")
_CURRENCY_WORD = re.compile(r"[A-Z]{3}(?![A-Za-z])|US\$|[€$£¥₽￥]|zł")

_TABLE = {
    word: Meaning(field, weight, space)
    for (field, weight, space), words in _SPELLINGS.items()
    for word in dict.fromkeys(unicodedata.normalize("NFKC", words).split())
}


@lru_cache(maxsize=4096)
def meaning(cell: str) -> Meaning | None:
    """What a column under this header holds; None where nobody can tell."""
    text = cell.strip()
    if not text or len(text) > MAX_CELL:
        return None
    if text == "#":
        return Meaning(IGNORED)
    text = text.replace("(s)", "s").replace("(S)", "s")
    # `Price (EUR)`, `Qty [pcs]`: what stands in brackets explains, unless it is all there is.
    bare = _BRACKETS.sub(" ", text)
    key = squashed(bare) or squashed(text)
    found = _TABLE.get(key) or _of_vendor(key)
    if found is None and key.endswith(tuple("123")):  # `MPN 2`, `Manufacturer 3`: second sources
        found = _TABLE.get(key[:-1])
        found = found._replace(weight=max(1, found.weight - int(key[-1]))) if found else None
    currency = currency_of(text)
    if found is None and currency:
        for code in (currency.lower(), "us"):
            found = found or _TABLE.get(key.removesuffix(code).removeprefix(code))
    if found is None or found.field not in {"unit_price", "max_price"}:
        return found
    if key in {"unit", "each", "ea"} and not currency:
        return Meaning(IGNORED)  # of measure, not of money
    return found._replace(currency=currency)


def squashed(text: str) -> str:
    """Letters and digits alone, lower case, accents removed: how spellings are compared."""
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    return "".join(char for char in plain if char.isalnum()).casefold()


def currency_of(text: str) -> str | None:
    """The ISO code of the currency that a text names by symbol or code; None where it names none."""
    for word in _CURRENCY_WORD.findall(text):
        if word in _CODES:
            return str(word)
        if code := _CURRENCIES.get(word.lower()):
            return code
    return None


def _of_vendor(key: str) -> Meaning | None:
    """`BLItemNo`, `LDraw Color`, `ID BrickLink`: words that say whose numbers these are."""
    for vendor, space in _VENDORS.items():
        if key == vendor and len(vendor) > 2:
            return Meaning("raw_id", 65, space)
        for rest in {key.removeprefix(vendor), key.removesuffix(vendor)} - {key}:
            if rest in _COLOR_WORDS:
                return Meaning("color", 55, space)
            if rest in _PART_WORDS:
                return Meaning("raw_id", 80, space)
            if (found := _TABLE.get(rest)) and (len(vendor) > 2 or found.field in {"qty", "color_name", "condition"}):
                return found
    return None
