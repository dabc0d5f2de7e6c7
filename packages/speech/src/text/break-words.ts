/**
 * Words that a cut is good before, and words that hold on to the next one. Broadcasters' guides name the classes:
 * conjunctions and prepositions begin a line, articles and the like stay with their noun.
 */
export interface BreakWords {
  readonly conjunctions: ReadonlySet<string>;
  readonly prepositions: ReadonlySet<string>;
  /** Articles, possessives, negations, auxiliaries, subject pronouns, titles. */
  readonly leaning: ReadonlySet<string>;
}

function words(conjunctions: string, prepositions: string, leaning: string): BreakWords {
  const set = (list: string): ReadonlySet<string> => new Set(list.split(' '));
  return { conjunctions: set(conjunctions), prepositions: set(prepositions), leaning: set(leaning) };
}

const NONE = words('', '', '');

const LANGUAGES: Readonly<Record<string, BreakWords>> = {
  en: words(
    'and but or nor so yet because although though while when where who which that if unless until since as than',
    'in on at by for with about against between into through during before after above below to from of over under without within',
    'a an the my your his her its our their this these those no not very is are was were be mr mrs ms dr i you he she we they will would can could should must have has had',
  ),
  ru: words(
    'и а но или либо что чтобы если когда где куда который которая которое которые потому хотя пока как чем зато',
    'в во на с со к ко по о об обо от до из изо у за для при про через под подо над перед без между около после',
    'не ни очень мой твой его её их наш ваш этот эта это эти тот та те бы я ты он она мы вы они',
  ),
  uk: words(
    'і й та а але або чи що щоб якщо коли де куди який яка яке які бо хоча поки як ніж зате',
    'в у на з із зі до по про від за для при через під над перед без між біля після',
    'не ні дуже мій твій його її їх наш ваш цей ця це ці той та ті я ти він вона ми ви вони',
  ),
  de: words(
    'und aber oder denn sondern weil obwohl während wenn wo wer dass damit bis seit als ob wie',
    'in im an am auf bei beim für mit über gegen zwischen durch vor nach zu zum zur von vom aus unter ohne um seit',
    'der die das den dem des ein eine einen einem einer eines mein dein sein ihr unser euer kein keine nicht sehr dieser diese dieses ist sind war waren hat haben wird werden ich du er sie es wir herr frau dr',
  ),
  nl: words(
    'en maar of want omdat hoewel terwijl als wanneer waar wie dat die tot sinds zodat dan',
    'in op aan bij voor met over tegen tussen door na naar van uit onder zonder om te tot',
    'de het een mijn jouw zijn haar ons onze hun dit deze geen niet heel is was waren heeft hebben ik jij hij zij wij',
  ),
  fr: words(
    'et mais ou donc or ni car parce que qui quand où si lorsque puisque quoique comme dont',
    'à au aux dans en sur sous par pour avec sans chez vers contre entre depuis pendant avant après de du des',
    'le la les un une mon ton son ma ta sa mes tes ses notre votre leur leurs ce cet cette ces ne pas très est sont était ont je tu il elle on nous vous ils elles se me te m mme dr',
  ),
  es: words(
    'y e o u pero sino porque aunque mientras cuando donde quien que si hasta desde como',
    'en a al con de del por para sin sobre entre contra hacia hasta desde durante tras ante bajo',
    'el la los las un una unos unas mi tu su mis tus sus nuestro nuestra este esta estos estas no muy es son era ha han yo él ella se me te lo le sr sra dr',
  ),
  pt: words(
    'e ou mas porque embora enquanto quando onde quem que se até desde como pois',
    'em no na nos nas a ao à aos às com de do da dos das por pelo pela para sem sobre entre contra durante após',
    'o os as um uma uns umas meu minha seu sua nosso nossa este esta esse essa não muito é são era tem eu ele ela nós eles se me lhe sr sra dr',
  ),
  it: words(
    'e ed o ma però perché anche mentre quando dove chi che se finché come quindi',
    'in nel nella a al alla con di del della dei delle da dal dalla per su sul sulla tra fra senza contro durante dopo prima',
    'il lo la i gli le un uno una mio tuo suo nostro vostro loro questo questa questi queste non molto è sono era ha hanno io tu lui lei noi voi si mi ti ci vi',
  ),
  pl: words(
    'i a ale lub albo oraz że żeby jeśli kiedy gdzie który która które ponieważ chociaż jak niż więc',
    'w we na z ze do po o od za dla przy przez pod nad przed bez między u',
    'nie bardzo mój twój jego jej ich nasz wasz ten ta to ci te tamten jest są był się ja ty on ona my wy',
  ),
  ar: words(
    'أو ثم لكن ولكن لأن أن إن إذا لو كما حيث عندما بينما الذي التي الذين حتى وأن وإن',
    'في من إلى على عن مع بين منذ خلال بعد قبل تحت فوق عند لدى ضد حول دون',
    'هذا هذه ذلك تلك لا ما لم لن قد سوف كل بعض غير يا هو هي نحن هم كان كانت',
  ),
  he: words(
    'או אבל כי אם אך אלא כאשר כש כדי אשר איפה מי ש',
    'של על עם אל את בין אחרי לפני תחת מן מול ליד בלי עד אצל',
    'לא זה זאת זו אלה כל מאוד אני אתה הוא היא אנחנו הם היה היתה יש אין',
  ),
  fa: words(
    'و یا اما ولی که اگر چون زیرا وقتی تا بلکه',
    'در از به با برای بر تا بین بدون پس پیش روی زیر',
    'این آن هر هیچ نه خیلی من تو او ما شما آنها را می نمی',
  ),
  ko: words('그리고 그러나 하지만 그래서 그런데 또는 만약 왜냐하면', '', '이 그 저 한 두 세 안 못 더 매우'),
  th: words('และ แต่ หรือ เพราะ ถ้า เมื่อ ที่ ซึ่ง ว่า โดย', 'ใน บน ของ จาก กับ ถึง สำหรับ ตาม', 'ไม่ การ ความ'),
};

/** @param language its primary subtag; an unknown one is cut by punctuation, pauses and length alone */
export function breakWordsOf(language: string): BreakWords {
  return LANGUAGES[language] ?? NONE;
}

/** Languages whose names, and little else in the middle of a sentence, begin with a capital. */
const CAPITAL_NAMES = new Set(['en', 'ru', 'uk', 'nl', 'fr', 'es', 'pt', 'it', 'pl', 'sv', 'da', 'nb', 'no', 'cs']);

export function capitalIsName(language: string): boolean {
  return CAPITAL_NAMES.has(language);
}

/** Endings that Chinese, Japanese and Thai put behind a word: a cut is bad before them, and good behind some. */
interface Particles {
  readonly all: ReadonlySet<string>;
  readonly closing: ReadonlySet<string>;
}

const particles = (closing: string, others: string): Particles => ({
  all: new Set(`${closing} ${others}`.split(' ')),
  closing: new Set(closing.split(' ')),
});

const PARTICLES: Readonly<Record<string, Particles>> = {
  ja: particles(
    'は が を に で と も へ や か から まで より ので のに けど けれど ば ながら',
    'たち さん です ます でした ました ません た だ て ね よ な れる られる せる ない たい う い',
  ),
  zh: particles('了 吧 吗 呢 啊 的话', '的 地 得 着 过 们 们的'),
  yue: particles('喇 啦 嘅 咗 呀 呢', '嘅話 緊 過 哋'),
};

export function particlesOf(language: string): Particles | undefined {
  return PARTICLES[language];
}
