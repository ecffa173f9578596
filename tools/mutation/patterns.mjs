// The kept list of patterns: each finds its places in code and names what stands there instead.
import { behindBracket, statementsOf } from './code.mjs';

/** Signs between two operands, with a space on either side. */
function operators(instead) {
  const signs = Object.keys(instead)
    .sort((a, b) => b.length - a.length)
    .map((sign) => sign.replace(/[|+*^]/g, '\\$&'));
  const places = new RegExp(`(?<=[^\\s,(=] )(?:${signs.join('|')})(?= |\\n)`, 'g');
  return (code) =>
    [...code.matchAll(places)].map(({ 0: sign, index }) => ({
      from: index,
      to: index + sign.length,
      by: instead[sign],
    }));
}

/** Matches of an expression, and what stands there instead. */
const matches = (places, by) => (code) =>
  [...code.matchAll(places)].map((match) => ({
    from: match.index,
    to: match.index + match[0].length,
    by: by(match),
  }));

/** Statements that an expression describes. */
const statements = (kind, by) => (code) =>
  statementsOf(code).flatMap(({ from, to }) => {
    const text = code.slice(from, to);
    return kind.test(text) ? [{ from, to, by: by?.(text) ?? ';' }] : [];
  });

function* conditions(code) {
  for (const { 0: head, index } of code.matchAll(/\b(?:if|while) \(/g)) {
    const open = index + head.length - 1;
    const end = behindBracket(code, open) - 1;
    // Behind a declaration of its own.
    const from = code.slice(open, end).lastIndexOf('; ') + 2;
    yield { from: from > 1 ? open + from : open + 1, to: end };
  }
}

const isComparison = (text) => /^[^&|]* (?:[=!]=|[<>]=?) [^&|]*$/.test(text);
const isDeclaration = (text) => /^(?:const )?[\w:<>]+[ *&]+\w+ = /.test(text);
const isNegation = (text) => /^![\w.:>()[\]-]*$/.test(text);

const negatedConditions = (code) =>
  [...conditions(code)].flatMap(({ from, to }) => {
    const text = code.slice(from, to);
    if (isComparison(text) || isDeclaration(text) || isNegation(text)) return [];
    return { from, to, by: (original) => `!(${original})` };
  });

/** The two values of `condition ? one : other`, which change places. */
const exchangedValues = (code) =>
  [...code.matchAll(/ \? /g)].flatMap(({ index }) => {
    const from = index + 3;
    let colon = 0;
    let nested = 0;
    for (let at = from; at < code.length; at++) {
      const sign = code[at];
      if (sign === '(' || sign === '[' || sign === '{') {
        at = behindBracket(code, at) - 1;
      } else if (/[;,)}\]]/.test(sign)) {
        if (colon === 0) return [];
        const [one, other] = [code.slice(from, colon), code.slice(colon + 1, at)];
        return { from, to: at, by: () => `${other.trim()} : ${one.trim()}` };
      } else if (code.startsWith(' ? ', at)) {
        nested++;
      } else if (/\s:\s/.test(code.slice(at - 1, at + 2))) {
        if (nested > 0) nested--;
        else if (colon === 0) colon = at;
      }
    }
    return [];
  });

function increased([, digits, suffix]) {
  const value = BigInt(digits.replaceAll("'", '')) + 1n;
  return `${digits.startsWith('0x') ? `0x${value.toString(16)}` : value}${suffix}`;
}

const CALL = /^[\w.:>[\]()+-]*\w(?:<[\w:, ]+>)?\(/;

export const patterns = [
  {
    name: 'comparison turned',
    find: operators({ '<': '>=', '>': '<=', '<=': '>', '>=': '<', '==': '!=', '!=': '==' }),
  },
  { name: 'bound off by one', find: operators({ '<': '<=', '<=': '<', '>': '>=', '>=': '>' }) },
  { name: 'condition negated', find: negatedConditions },
  { name: 'negation left out', find: matches(/!(?=[\w(*])/g, () => '') },
  { name: 'and for or', find: operators({ '&&': '||', '||': '&&' }) },
  { name: 'values exchanged', find: exchangedValues },
  {
    name: 'flag ignored',
    find: matches(/(?: \||(?<!&&.*) &) (?:\w+::)*~?[A-Z][A-Z0-9]*_[A-Z0-9_]+\b/g, () => ''),
  },
  {
    name: 'flag ignored',
    find: matches(/(?<![\w:])(?:\w+::)*[A-Z][A-Z0-9]*_[A-Z0-9_]+ \| /g, () => ''),
  },
  {
    name: 'truth turned',
    find: matches(/\b(?:true|false)\b/g, ([word]) => String(word !== 'true')),
  },
  {
    name: 'constant changed',
    find: matches(/(?<![\w.'])(0x[\da-f']+|\d[\d']*)([uUlL]*)(?![\w.'])/g, increased),
  },
  {
    name: 'arithmetic turned',
    find: operators({
      ...{ '+': '-', '-': '+', '*': '/', '/': '*', '%': '*', '<<': '>>', '>>': '<<' },
      ...{ '&': '|', '|': '&', '^': '|', '+=': '-=', '-=': '+=', '|=': '&=', '&=': '|=' },
      ...{ '<<=': '>>=', '>>=': '<<=', '*=': '/=', '/=': '*=' },
    }),
  },
  {
    name: 'arithmetic turned',
    find: matches(/\+\+|--/g, ([sign]) => (sign === '++' ? '--' : '++')),
  },
  { name: 'lock left out', find: statements(/^(?:const )?Lock \w+[({]/) },
  { name: 'call left out', find: statements({ test: (text) => CALL.test(text) }) },
  {
    name: 'statement deleted',
    find: statements(/^(?:(?:break|continue|return);|delete\b|(?:const )?Nest \w+\()/),
  },
  {
    name: 'statement deleted',
    find: statements(/^(?:(?:\+\+|--)|[^=]*(?:\+\+|--);$)/),
  },
  {
    name: 'statement deleted',
    find: statements(/^\*?\(?[\w.:>[\]()*+-]*(?<!\w )[\w\])] (?:[-+*/|&^%]|<<|>>)?= /),
  },
  {
    name: 'return value replaced',
    find: statements(/^return (?!(?:\{\}|false|true|nullptr|0|\*this);)./, () => 'return {};'),
  },
];

/** Code whose changes no program shows: tables of names, and what the compiler checks. */
const LEFT_OUT = [
  /\bstatic_assert\([\s\S]*?\);/g,
  /\bconstexpr LayoutField[^;]*;/g,
  /\busing [^;]*;/g,
  /\btemplate <[^{;]*>\n/g,
];

/** All mutants of a text, by place. */
export function changesOf(text, code) {
  const leftOut = LEFT_OUT.flatMap((places) =>
    [...code.matchAll(places)].map(({ 0: all, index }) => ({
      from: index,
      to: index + all.length,
    })),
  );
  const changes = patterns.flatMap(({ name, find }) =>
    find(code).map(({ from, to, by }) => ({
      pattern: name,
      from,
      to,
      by: typeof by === 'function' ? by(text.slice(from, to)) : by,
    })),
  );
  return changes
    .filter(({ from }) => !leftOut.some((range) => range.from <= from && from < range.to))
    .sort((a, b) => a.from - b.from || a.to - b.to);
}
