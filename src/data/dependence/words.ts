const MONTHS = [
  /^jan(?:uary|uar|vier)?$/,
  /^feb(?:ruary|ruar)?$/,
  /^(?:mar(?:ch)?|märz)$/,
  /^apr(?:il)?$/,
  /^(?:may|mai)$/,
  /^(?:june?|juni)$/,
  /^(?:july?|juli)$/,
  /^aug(?:ust)?$/,
  /^sept?(?:ember)?$/,
  /^(?:oct(?:ober)?|oktober|okt)$/,
  /^nov(?:ember)?$/,
  /^(?:dec(?:ember)?|dezember|dez)$/,
];
/** Words of a longer text are not compared. */
const LONGEST = 20_000;

/**
 * The words and numbers of a text in the form in which texts are compared: case folded, months as numbers, numbers without leading zeros.
 * Characters of scripts without spaces count one by one.
 */
export function comparedWords(text: string): string[] {
  const words = text.slice(0, LONGEST).normalize('NFKC').toLowerCase().match(WORD) ?? [];
  return words.map((word) => {
    const month = MONTHS.findIndex((name) => name.test(word));
    return month === -1 ? word.replace(/^0+(?=\d)/, '') : `${month + 1}`;
  });
}

const WORD = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|\p{Nd}+|[\p{L}\p{M}]+/gu;
