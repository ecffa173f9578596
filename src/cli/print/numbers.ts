/**
 * Numbers for people.
 */

/** `1,234,567`. */
export function grouped(number: number | bigint): string {
  return String(number).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

const UNITS = ['', 'K', 'M', 'G', 'T', 'P'] as const;

/** Bytes in at most five characters: `999`, `1.5K`, `12M`; 1K is 1,024. */
export const shortBytes = (bytes: number): string => short(bytes, 1024);

/** The same of what is counted by thousands. */
export const shortCount = (count: number): string => short(count, 1000);

function short(number: number, step: number): string {
  let value = number;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= step;
    unit++;
  }
  const digits = unit > 0 && value < 9.95 ? value.toFixed(1) : value.toFixed(0);
  return `${digits}${UNITS[unit]}`;
}

/** Seconds in at most six characters: `59s`, `4m10s`, `5d`. */
export function shortSeconds(seconds: number): string {
  if (seconds < 60) return `${Math.floor(seconds)}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return joinUnits(minutes, 'm', Math.floor(seconds % 60), 's');
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return joinUnits(hours, 'h', minutes % 60, 'm');
  const days = Math.floor(hours / 24);
  return joinUnits(days, 'd', hours % 24, 'h');
}

const joinUnits = (large: number, unit: string, small: number, smallUnit: string) =>
  small === 0 ? `${large}${unit}` : `${large}${unit}${small}${smallUnit}`;

/** `0.7 %`, `71 %`. */
export function percent(share: number): string {
  const value = share * 100;
  return `${value > 0 && value < 10 ? value.toFixed(1) : Math.floor(value)} %`;
}

/** `1 entry`, `2,000 entries`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}
