/** PostgreSQL text takes every character but U+0000; unpaired surrogates become U+FFFD when the driver encodes them. */
export function storableText(text: string): string {
  return text.includes('\u0000') ? text.replaceAll('\u0000', '\uFFFD') : text;
}

/** An index takes no more than 2,704 bytes a row; 400 characters are at most 1,600. */
const longestKeyCharacters = 400;

/** @returns what a name is found by in an indexed column: upper and lower case are the same, very long names are cut */
export function searchKey(text: string): string {
  return storableText(text.toLowerCase().slice(0, longestKeyCharacters));
}
