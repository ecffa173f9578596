// Draws the plots of the report: uPlot and the data are in the page.
const { samples, rests, line } = JSON.parse(document.querySelector('#data').textContent);
const MIB = 2 ** 20;
const HEIGHT = 210;

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const column = (name, scale = 1) => samples.map((sample) => sample[name] / scale);

/** Of sums, what came a second. */
function rates(sums) {
  return sums.map((sum, index) => {
    if (index === 0) return 0;
    const seconds = samples[index].second - samples[index - 1].second;
    return seconds > 0 ? (sum - sums[index - 1]) / seconds : 0;
  });
}

const seconds = column('second');
const codes = [...new Set(samples.flatMap(({ errors }) => Object.keys(errors)))].sort();

/** Values that only some moments have. */
const sparse = (points, all) => all.map((second) => points.get(second) ?? null);
const inMib = (values) => values.map((value) => value && value / MIB);
const heldAt = new Map(rests.map(({ second, held }) => [second, held / MIB]));
const residentAt = new Map(rests.map(({ second, resident }) => [second, resident / MIB]));
const restSeconds = rests.map(({ second }) => second);

const PLOTS = [
  {
    title: 'Memory of the process',
    note: 'MiB, each second',
    x: seconds,
    series: [
      ['resident', column('rss', MIB)],
      ['heap, total', column('heapTotal', MIB)],
      ['heap, used', column('heapUsed', MIB)],
      ['external', column('external', MIB)],
    ],
  },
  {
    title: 'Memory at rest',
    note: 'MiB, after a collection; the lines of the verdict',
    x: restSeconds,
    series: [
      ['resident', sparse(residentAt, restSeconds)],
      ['held', sparse(heldAt, restSeconds)],
      ['resident, line', inMib(line.resident), { dash: [6, 4] }],
      ['held, line', inMib(line.held), { dash: [6, 4] }],
    ],
  },
  {
    title: 'Descriptors and threads',
    note: 'each second, with those that activities hold for a while',
    x: seconds,
    series: [
      ['descriptors', column('descriptors')],
      ['threads', column('threads')],
    ],
  },
  {
    title: 'Events',
    note: 'a second, all streams together; lost ones are those of tiny buffers',
    x: seconds,
    series: [
      ['received', rates(column('events'))],
      ['lost', rates(column('lost'))],
      ['forged, dropped', rates(column('foreign'))],
    ],
  },
  {
    title: 'Requests',
    note: 'a second',
    x: seconds,
    series: [['requests', rates(column('requests'))]],
  },
  {
    title: 'Delay of the event loop',
    note: 'milliseconds, of each second; neighbours and the machine count, too',
    x: seconds,
    series: [
      ['99 %', column('delayP99')],
      ['longest', column('delayMax')],
    ],
  },
  {
    title: 'Entries',
    note: 'in the table, and in the mirror',
    x: seconds,
    series: [
      ['table', column('entries')],
      ['mirror', column('mirrored')],
    ],
  },
  {
    title: 'Processor',
    note: 'percent of one, all threads of the process',
    x: seconds,
    series: [['processor', rates(column('cpu', 0.01))]],
  },
  {
    title: 'Errors by code',
    note: 'since the beginning; the activities provoke them',
    x: seconds,
    series: codes.map((code) => [code, samples.map(({ errors }) => errors[code] ?? 0)]),
  },
];

const time = (value) => {
  if (value === null) return '';
  const whole = Math.round(value);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const two = (number) => String(number).padStart(2, '0');
  return `${hours > 0 ? `${hours}:${two(minutes)}` : minutes}:${two(whole % 60)}`;
};
const amount = (value) =>
  value === null
    ? ''
    : value.toLocaleString('en-US', { maximumFractionDigits: Math.abs(value) < 100 ? 1 : 0 });

function draw(card, { x, series }) {
  const axis = { stroke: style('--faint'), grid: { stroke: style('--line'), width: 1 } };
  const ticks = { ticks: { stroke: style('--line'), width: 1 } };
  const points = x.length < 40 ? { show: true, size: 5 } : { show: false };
  return new uPlot(
    {
      width: card.clientWidth - 28,
      height: HEIGHT,
      scales: {
        x: { time: false },
        y: { range: (_plot, _low, high) => [0, Math.max(1, high * 1.08)] },
      },
      cursor: { y: false },
      axes: [
        { ...axis, ...ticks, values: (_plot, values) => values.map(time), space: 60 },
        { ...axis, ...ticks, values: (_plot, values) => values.map(amount), size: 58 },
      ],
      series: [
        { label: 'time', value: (_plot, value) => time(value) },
        ...series.map(([label, , more], index) => ({
          label,
          stroke: style(`--c${1 + (index % 6)}`),
          width: 1.5,
          points: more === undefined ? points : { show: false },
          value: (_plot, value) => amount(value),
          ...more,
        })),
      ],
    },
    [x, ...series.map(([, values]) => values)],
    card,
  );
}

const cards = PLOTS.map((plot) => {
  const card = document.createElement('section');
  card.className = 'plot';
  const [title, note] = [document.createElement('h3'), document.createElement('p')];
  title.textContent = plot.title;
  note.textContent = plot.note;
  card.append(title, note);
  document.querySelector('.plots').append(card);
  return { card, plot, drawn: undefined };
});

function drawAll() {
  for (const one of cards) {
    one.drawn?.destroy();
    one.drawn = draw(one.card, one.plot);
  }
}

drawAll();
addEventListener('resize', drawAll);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
