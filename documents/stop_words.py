# ruff: noqa: RUF001 - the letters that look like Latin ones are Cyrillic, and meant
"""Small words, endings and letters of the languages that we tell apart; the small words are no keywords either."""

ENDING = 4  # characters of the longest ending

_SMALL = {
    "en": """a about above after again all also am an and any are as at be been before being below between both but by can could
        did do does down during each either else every few first for from further had has have he her here his how i if in into is
        it its just last like made make many may me more most much must my new no nor not now of off on once one only or other our
        out over own per same she should since so some such than that the their them then there these they this those through to
        too two under until up upon us use used using very was we well were what when where which while who whose why will with
        within without would yet you your it's don't can't isn't doesn't""",
    "de": """aber alle allem allen aller alles als also am an ander andere anderen auch auf aus bei beide beim bereits bin bis bitte
        da dabei dadurch damit danach dann daran darauf darf das dass dazu dein dem den denn der des dessen deshalb die dies diese
        diesem diesen dieser dieses doch dort du durch ein eine einem einen einer eines er es etwa etwas euch falls für gegen gibt
        haben hat hatte her hier hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im immer in indem ist ja jede jedem jeden jeder
        jedes jedoch kann kein keine keinen können man mehr mein meine mit muss müssen nach nicht nichts noch nun nur ob oder ohne
        sehr sein seine seinem seinen seiner seit sich sie sind so sobald soll sollen sollte sondern sowie über um und uns unser
        unter vom von vor war waren was weil wenn wer werden wie wieder wir wird wo wurde wurden während zu zum zur zwei zwischen""",
    "fr": """à afin ai ainsi alors après au aucun aucune aussi autre autres aux avant avec avoir bien c'est ce ceci cela celle celui
        ces cet cette ceux chaque chez comme comment d'un d'une dans de depuis des deux doit doivent donc dont du elle elles en encore
        entre est et été être eux fait faire faut il ils j'ai je jusqu'à l'on la le les leur leurs lors lorsque lui ma mais me même
        mes moins mon n'est ne ni non nos notre nous on ont ou où par parce pas pendant peut peuvent plus plusieurs pour pourquoi
        puis qu'il qu'une quand que quel quelle quelques qui qu'on s'il sa sans se sera ses si son sont sous sur ta tous tout toute
        toutes très tu un une vers vos votre vous y""",
    "es": """a al algo algunas algunos ante antes aquí así aunque bajo bien cada casi como con contra cual cuando de debe deben
        del desde después dentro donde dos durante e el él ella ellas ellos en entonces entre era es esa ese eso esta está están
        estar este esto estos estas fue fueron ha haber había hace hacer han hasta hay la las le les lo los más me mi mientras
        mismo mucho muchos muy nada ni no nos nosotros nuestra nuestro nunca o otra otras otro otros para pero poco por porque
        puede pueden pues que qué quien se según ser será si sí siempre sin sobre solo sólo son su sus también tan tanto te
        tiene tienen toda todas todo todos tu tus un una unas uno unos usted ustedes y ya yo""",
    "it": """a abbiamo agli ai al alla alle allo altra altre altri altro anche ancora avere bene che chi ci ciò cioè come con contro
        così cui da dagli dai dal dalla dalle dallo degli dei del dell'altro della delle dello deve devono di dopo dove due durante e
        è ed essere fa fino fra fu gli ha hanno ho i il in io la le lei li lo loro lui ma mai me mentre mi mia mio molto ne negli nei
        nel nella nelle nello no noi non nostra nostro o ogni oppure per perché però più poi possono può prima proprio qualche quale
        quali quando quanto quasi quella quelle quelli quello questa queste questi questo qui se sei sempre senza si sia siamo sono
        sopra sotto stata stati stato su sua sue sugli sui sul sulla sulle suo suoi tra tu tutta tutte tutti tutto un una uno vi
        viene vengono voi""",
    "nl": """aan af al alle alleen als altijd andere ben bij binnen boven daar daarna dan dat de deze die dit doen door drie dus een
        eens eerst elke en er ervan geen goed haar had hebben heeft hem het hier hij hoe hun ik in indien is ja je jij jouw jullie
        kan kunnen kunt maar maken me meer men met mij mijn moet moeten mogen na naar nadat niet niets nog nooit nu of om omdat onder
        ons onze ook op over per reeds sinds te tegen terwijl toch toen tot tussen twee u uit uw van vanaf veel via volgens voor
        voordat waar waarom waren was wat we weer werd werden wie wij wil worden wordt ze zeer zelf zich zij zijn zo zoals zonder zou
        zullen""",
    "pt": """a à ainda algum alguma algumas alguns antes ao aos apenas após aquele aqui as às assim até bem cada com como contra
        da das de dela dele deles depois desde deve devem do dois dos duas durante e é ela elas ele eles em entre era essa esse esta
        está estão estar este estas estes eu foi foram há isso isto já lhe lo mais mas me mesmo meu minha muito muitos na não nas nem
        nenhum no nos nós nossa nosso num numa nunca o onde os ou outra outras outro outros para pela pelas pelo pelos pode podem por
        porque pouco qual quando que quem são se seja sem sempre ser será seu seus sob sobre só sua suas também tão te tem têm ter
        toda todas todo todos tudo um uma umas uns você vocês""",
    "pl": """a aby albo ale ani aż bardzo bez będą będzie bo by być był była było były bym ci co czy czyli dla do dlaczego dlatego dwa
        gdy gdyż gdzie i ich ile im inne innych iż ja jak jako jakie jednak jego jej jest jestem jeszcze jeśli jeżeli już każdy każda
        każdego kiedy kto która które którego której który których którym ma mają mi mnie może można można mój musi my na nad nam nas
        nasz nawet nic nich nie niż o od on ona one oni oraz pan po pod podczas ponieważ poza powinien przed przez przy raz również
        sam się są swoje ta tak także tam te tego tej ten też to trzeba tu tych tylko tym w wam was we więc wraz wszystkie wszystko
        wszystkich z za zawsze ze że został została zostały został żeby""",
    "sv": """alla allt andra att av bara behöver bli blir blev bort båda både de del dem den denna deras dess dessa det detta dig din
        ditt du där därför då efter eftersom eller en endast er ett fick finns fler flera från få får för före första genom gick gör
        göra ha hade han hans har hela helt henne hennes här hon honom hur i icke in inga ingen inget innan inte ja jag kan kommer
        kunde kunna man med medan mellan men mer mest mig min mitt mot mycket måste ni nu när nästa något några någon och också om
        oss på samma samt sedan sig sin sina ska skall skulle som så sådan till två under upp ut utan utom vad var vara varje varit
        vi via vid vilka vilken vill är även över åt""",
    "da": """ad af al alle alt anden andet andre at bare begge blev blive bliver bruge bør da de del dem den denne der deres derfor
        det dette dig din disse dit dog du efter ej eller en end endnu er et fik flere for fordi fra få får før først gennem godt gør
        gøre ham han hans har havde have hele hende hendes her hos hun hvad hver hvem hver hvilke hvis hvor hvordan hvorfor i igen
        ikke ind inden ingen intet ja jeg jer jo kan kommer kun kunne langs man mange med meget mellem men mens mere mig min mine
        mit mod må ned nej noget nogen nogle nu når og også om op os over på samme samt se selv sig sin sine skal skulle som stadig så
        sådan til to ud uden under var ved vi vil ville være været vores""",
    "cs": """a aby ale ani ano asi až během bez bude budou by byl byla bylo byly být co což další dále do dva i ihned jako jak jaké je
        jeho její jejich jen jenom ještě jestli jestliže již jiné jsem jsme jsou jste k kam kde kdo když každý každé ke která které
        kterou který kteří ku lze má mají mezi mi mít mně může mohou musí my na nad nám nás náš ne nebo nebyl nej nejsou než není nic
        o od on ona oni pak po pod podle pokud pouze potom poté pro proč proto protože před přes při s se si sice své svůj ta tak
        také takže tam tato tedy ten tento této tím to toho tohoto tom tomto tu tuto ty u už v vám vás ve více vše všechny všech však
        vždy z za zda zde ze že""",
    "ru": """а без более бы был была были было быть в вам вас весь во вот все всё всего всех вы где да даже для до его ее её если есть
        еще ещё же за здесь и из или им их к как каждый какой когда которая которого которой которые который которых кто ли лучше
        между меня мне может можно мы на над надо нас не него нет ни них но ну о об один одна он она они от перед по под после потом
        потому почти при про раз с сам свой своей себя сейчас со так также такой там тем теперь то тогда того тоже только том ту ты у
        уже хотя чего чем через что чтобы эта эти это этого этой этом этот я является должен должна нужно""",
    "uk": """або але без більше бо був була були було бути в вам вас ви від він вона вони все всі всіх де для до з за завжди зі і із
        й його її їх їхній на над нам нас наш не немає ні ніж о один по під після при про та так також там те тепер ти тільки то
        того тому у цей це ця ці цього через чи що щоб як яка яке який які якщо є мене між можна може має треба дуже коли""",
}

WORDS: dict[str, frozenset[str]] = {language: frozenset(words.split()) for language, words in _SMALL.items()}

# Three or four characters that words of the language often end in, and those of few others do.
ENDINGS = {
    "en": "ing tion ted ness ally ible able ment ship ould ight ough ther ular ings ions ers hing ked red ched ely ards",
    "de": "ung ungen keit heit lich isch chen cht sche chte tung eren tzt tzen ert ngen ücke eile eine erät äche igen ten rung",
    "fr": "ment tion eur euse eux aux ette elle age ages ées ait aient oir ique iques ions eurs ance ière sse ure ures ment ère",
    "es": "ción ones ado ada ados adas ando iendo dad idad ente aba ería rio ble dor dora ico ica eza illo ías uje ños año",
    "it": "zione ione oni ato ata ati ate ando endo ità ente enti zza ezza tore aio ggio etta etto olo ole one cchi occo ucce",
    "nl": "ing ingen heid lijk ijk eren aar aat oor een aken uik eel den eid elen open egen aan oon eur ijn ijs uur elde tten",
    "pt": "ção ções ado ada ados adas ando endo dade ente agem ável ível eira eiro inho inha ões ães nho nha lho lha ivo dor",
    "pl": "anie enie ość ości ego emu ych ymi ach ami owy owa owe nych acja acji cie czny czna ować ania enia wać ane ony yć ków",
    "sv": "ning ande ade ades ighet het lig ligt iska orna arna erna aren aste sätt tare else ett are gor nar ats nas igt",
    "da": "ning ende ede else hed eren erne ene ligt lige iske tes dig ges ner sen ken eret ere des kke gere hjul tter",
    "cs": "ání ení ost osti ého ému ých ými ách ový ová ové ích ího ěte ete ují ala alo ován ěny eny ítko stí né ná ný ky",
    "ru": "ость ости ение ения ание ания ого его ому ыми ный ная ное ные ться ется ает ают ить ать ски ция ции ов ах ых ами",
    "uk": "ість ості ння ення ання ого ому ими ний ної ним них ться ється ати ити ський ція ції ів ах их ами ові",
}

# Letters that the language uses and most of the others do not.
LETTERS = {
    "de": "äöüß",
    "fr": "àâçèéêëîïôûùœ",
    "es": "áéíñóú\u00bf\u00a1",
    "it": "àèéìòù",
    "nl": "ëĳ",
    "pt": "áâãàçéêíóôõú",
    "pl": "ąćęłńóśźż",
    "sv": "åäö",
    "da": "åæø",
    "cs": "áčďéěíňóřšťúůýž",
    "ru": "ыэёъ",
    "uk": "іїєґ",
}
