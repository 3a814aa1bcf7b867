/**
 * Bytes of the texts that a pattern finds in an event: it ends with the quote that a text begins with, and is global. A quote
 * in a text is written with a backslash before it. Nothing is parsed or copied, since every event of a stream comes by here.
 */
export function countText(data: string, opening: RegExp): number {
  let bytes = 0;
  opening.lastIndex = 0;
  while (opening.test(data)) {
    const end = endOfText(data, opening.lastIndex);
    bytes += end - opening.lastIndex;
    opening.lastIndex = end;
  }
  return bytes;
}

function endOfText(data: string, start: number): number {
  for (let quote = data.indexOf('"', start); quote !== -1; quote = data.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (data.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return quote;
  }
  return data.length;
}

const BACKSLASH = 92;
