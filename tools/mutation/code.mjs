// What of a text of C++ is code, and where its brackets and statements are. The sources are
// formatted (.clang-format), which tells operators from the brackets of templates.

const blank = (text) => text.replace(/[^\n]/g, ' ');

/** The same text, with spaces instead of comments, strings, characters and preprocessor lines. */
export function codeOf(text) {
  return text.replace(
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:[^"\\\n]|\\.)*"|(?<!\w)'(?:[^'\\\n]|\\.)*'|^[ \t]*#[^\n]*/gm,
    blank,
  );
}

const CLOSING = { '(': ')', '[': ']', '{': '}' };

/** The place behind the bracket that closes the one at `open`. */
export function behindBracket(code, open) {
  const waiting = [];
  for (let at = open; at < code.length; at++) {
    const sign = code[at];
    if (sign in CLOSING) waiting.push(CLOSING[sign]);
    else if (sign === waiting.at(-1)) waiting.pop();
    if (waiting.length === 0) return at + 1;
  }
  return code.length;
}

/** Whether a brace behind `head` begins statements; a class, a namespace or a list has none. */
function beginsStatements(head, isInStatements) {
  if (/\b(class|struct|enum|union|namespace)\b[^()]*$/.test(head)) return false;
  if (/\)(\s*(const|noexcept|override|mutable|->\s*[\w:<>*&]+))*$/.test(head)) return true;
  return /\b(else|do)$/.test(head) || (isInStatements && /(^|:)$/.test(head));
}

/** What stands before a statement proper: conditions, loops, labels. */
const HEADS = [/^(?:if(?: constexpr)?|while|for|switch) (?=\()/, /^(?:else|do)\b/];
const LABELS = /^(?:case [^?]*?(?<!:):(?!:)|default:|public:|private:)/;

function withoutHeads(code, start, end) {
  for (;;) {
    start += code.slice(start, end).match(/^\s*/)[0].length;
    const rest = code.slice(start, end);
    const head = HEADS.map((one) => one.exec(rest)?.[0]).find(Boolean);
    if (head !== undefined) {
      start += head.length;
      if (code[start] === '(') start = behindBracket(code, start);
      continue;
    }
    const label = LABELS.exec(rest)?.[0];
    if (label === undefined) return start;
    start += label.length;
  }
}

/** The statements of all bodies of functions: from, and behind the semicolon. */
export function statementsOf(code) {
  const statements = [];
  const open = [{ sign: '', isBody: false, start: 0 }];
  for (let at = 0; at < code.length; at++) {
    const sign = code[at];
    const top = open.at(-1);
    if (sign === '{') {
      const isBody = beginsStatements(code.slice(top.start, at).trimEnd(), top.isBody);
      open.push({ sign, isBody, start: at + 1 });
    } else if (sign === '(' || sign === '[') {
      open.push({ sign, isBody: false, start: at + 1 });
    } else if (sign === '}' || sign === ')' || sign === ']') {
      if (open.length > 1) open.pop();
      // The end of a list is no end of a statement.
      const ends = sign === '}' && (top.isBody || !open.at(-1).isBody);
      if (ends) open.at(-1).start = at + 1;
    } else if (sign === ';') {
      if (top.isBody) {
        const from = withoutHeads(code, top.start, at);
        if (from < at) statements.push({ from, to: at + 1 });
      }
      top.start = at + 1;
    }
  }
  return statements;
}
