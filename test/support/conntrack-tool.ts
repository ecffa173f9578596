/**
 * conntrack-tools 1.4.7, the oracle of the kernel tests.
 */
import { run } from './namespace.js';

/** `conntrack -I`: creates one entry. */
export function insert(...args: string[]): void {
  run('conntrack', '-I', ...args);
}

/** `conntrack -D`: deletes entries; fails when there is none. */
export function remove(...args: string[]): void {
  run('conntrack', '-D', ...args);
}

/** `conntrack -C`. */
export function count(): number {
  return Number(run('conntrack', '-C'));
}

/** The lines of `conntrack -L`. */
export function listLines(): string[] {
  const text = run('conntrack', '-L');
  return text === '' ? [] : text.trimEnd().split('\n');
}

/**
 * The table as `conntrack -L -o <output>` prints it, each entry a line, with the names `bit-0` to
 * `bit-127` for labels.
 */
export function listText(output: string): string[] {
  const args = output === '' ? ['-L'] : ['-L', '-o', output];
  const text = output.includes('labels') ? runWithLabelNames(...args) : run('conntrack', ...args);
  return text
    .replace(XML_DECLARATION, '')
    .split('\n')
    .filter((line) => line !== '' && !/^<\/?conntrack>$/.test(line));
}

/** `conntrack -R`: creates the entries of lines that `-o save` has printed. */
export function restoreText(file: string): void {
  run('conntrack', '-R', file);
}

/** One direction of a flow as the tool sees it. */
export interface FlowDirection {
  family: string;
  protocol: string;
  protocolNumber: number;
  source: string;
  destination: string;
  sourcePort?: number;
  destinationPort?: number;
  sourceKey?: number;
  destinationKey?: number;
  zone?: number;
  packets?: bigint;
  bytes?: bigint;
}

/** A flow as the tool sees it; what it did not print is absent. */
export interface Flow {
  original: FlowDirection;
  reply: FlowDirection;
  id: number;
  state?: string;
  timeout?: number;
  mark?: number;
  zone?: number;
  use?: number;
  helper?: string;
  securityContext?: string;
  labels?: bigint;
  startTimeNs?: bigint;
  assured: boolean;
  unreplied: boolean;
}

/**
 * Runs the tool with a name for each label bit. It reads them from a fixed place
 * in /etc: in a mount namespace of its own, that is a place for us alone.
 */
function runWithLabelNames(...args: string[]): string {
  const script = `
    mount -t tmpfs none /etc && mkdir /etc/xtables &&
    seq 0 127 | sed 's/.*/& bit-&/' > /etc/xtables/connlabel.conf &&
    exec conntrack "$@"`;
  return run('unshare', '--mount', 'sh', '-c', script, 'sh', ...args);
}

/** `conntrack -U --label-add`: needs a rule that knows labels in the namespace. */
export function addLabels(bits: number[], ...args: string[]): void {
  const names = bits.map((bit) => `bit-${bit}`).join(',');
  runWithLabelNames('-U', ...args, '--label-add', names);
}

/** The table as `conntrack -L -o xml` prints it, without labels. */
export function listFlows(): Flow[] {
  return parseFlows(run('conntrack', '-L', '-o', 'xml,extended,id,ktimestamp'));
}

/** The same with labels, which takes longer. */
export function listFlowsWithLabels(): Flow[] {
  return parseFlows(runWithLabelNames('-L', '-o', 'xml,extended,id,ktimestamp,labels'));
}

function parseFlows(xml: string): Flow[] {
  // For an empty table the tool prints nothing.
  if (xml.trim() === '') return [];
  const [root, ...more] = parseElements(xml.replace(XML_DECLARATION, '').trim());
  if (root?.name !== 'conntrack' || more.length > 0) throw new Error(`no table: ${xml}`);
  return root.children.map(flowOf);
}

const XML_DECLARATION = /^<\?xml version="1.0" encoding="utf-8"\?>/;

interface Element {
  name: string;
  attributes: Record<string, string>;
  children: Element[];
  text: string;
}

/** XML as the tool writes it: elements with attributes, and text in the innermost ones. */
function parseElements(xml: string): Element[] {
  const root: Element = { name: '', attributes: {}, children: [], text: '' };
  const open = [root];
  const token = /<(\/?)([\w-]+)((?: [\w-]+="[^"]*")*)(\/?)>|([^<]+)/y;
  while (token.lastIndex < xml.length) {
    const at = token.lastIndex;
    const match = token.exec(xml);
    const parent = open.at(-1);
    if (match === null || parent === undefined)
      throw new Error(`no XML: ${xml.slice(at, at + 99)}`);
    const [, slash = '', name = '', attributes = '', selfClosing = '', text = ''] = match;
    if (name === '') {
      parent.text += text.trim();
    } else if (slash !== '') {
      if (open.pop()?.name !== name) throw new Error(`</${name}> closes another element`);
    } else {
      const pairs = [...attributes.matchAll(/([\w-]+)="([^"]*)"/g)];
      const element: Element = {
        name,
        attributes: Object.fromEntries(pairs.map(([, key = '', value = '']) => [key, value])),
        children: [],
        text: '',
      };
      parent.children.push(element);
      if (selfClosing === '') open.push(element);
    }
  }
  if (open.length !== 1) throw new Error(`<${open.at(-1)?.name}> is not closed`);
  return root.children;
}

/** Calls the handler of each child by its name; a name without handler is an error. */
function eachChild(element: Element, handlers: Record<string, (child: Element) => void>): void {
  for (const child of element.children) {
    const handler = handlers[child.name];
    if (handler === undefined) throw new Error(`<${child.name}> in <${element.name}> is unknown`);
    handler(child);
  }
}

function attribute({ name, attributes }: Element, key: string): string {
  const value = attributes[key];
  if (value === undefined) throw new Error(`<${name}> has no ${key}`);
  return value;
}

function flowOf(element: Element): Flow {
  if (element.name !== 'flow') throw new Error(`<${element.name}> in the table is unknown`);
  const flow: Partial<Flow> = { assured: false, unreplied: false };
  eachChild(element, {
    meta: (meta) => {
      const direction = attribute(meta, 'direction');
      if (direction === 'original' || direction === 'reply') flow[direction] = directionOf(meta);
      else if (direction === 'independent') readIndependent(meta, flow);
      else throw new Error(`direction ${direction} is unknown`);
    },
    helper: ({ text }) => (flow.helper = text),
  });
  return flow as Flow;
}

function directionOf(meta: Element): FlowDirection {
  const out: Partial<FlowDirection> = {};
  eachChild(meta, {
    layer3: (layer3) => {
      out.family = attribute(layer3, 'protoname');
      eachChild(layer3, {
        src: ({ text }) => (out.source = text),
        dst: ({ text }) => (out.destination = text),
      });
    },
    layer4: (layer4) => {
      out.protocol = attribute(layer4, 'protoname');
      out.protocolNumber = Number(attribute(layer4, 'protonum'));
      eachChild(layer4, {
        sport: ({ text }) => (out.sourcePort = Number(text)),
        dport: ({ text }) => (out.destinationPort = Number(text)),
        srckey: ({ text }) => (out.sourceKey = Number(text)),
        dstkey: ({ text }) => (out.destinationKey = Number(text)),
      });
    },
    counters: (counters) => {
      eachChild(counters, {
        packets: ({ text }) => (out.packets = BigInt(text)),
        bytes: ({ text }) => (out.bytes = BigInt(text)),
      });
    },
    zone: ({ text }) => (out.zone = Number(text)),
  });
  return out as FlowDirection;
}

function readIndependent(meta: Element, flow: Partial<Flow>): void {
  eachChild(meta, {
    state: ({ text }) => (flow.state = text),
    timeout: ({ text }) => (flow.timeout = Number(text)),
    mark: ({ text }) => (flow.mark = Number(text)),
    zone: ({ text }) => (flow.zone = Number(text)),
    use: ({ text }) => (flow.use = Number(text)),
    id: ({ text }) => (flow.id = Number(text)),
    secctx: ({ text }) => (flow.securityContext = text),
    assured: () => (flow.assured = true),
    unreplied: () => (flow.unreplied = true),
    labels: (labels) => {
      flow.labels = labels.children
        .map(({ text }) => 1n << BigInt(text.replace('bit-', '')))
        .reduce((all, bit) => all | bit);
    },
    timestamp: (timestamp) => {
      eachChild(timestamp, { start: ({ text }) => (flow.startTimeNs = BigInt(text)) });
    },
    // The age of the flow at the moment of printing.
    deltatime: () => undefined,
  });
}
