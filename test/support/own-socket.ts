/**
 * Functions of the package, each call on a handle of its own: the request is the first on its
 * socket, which the call closes.
 */
import { Conntrack } from 'conntrack';

type Name = {
  [Key in keyof Conntrack]: Conntrack[Key] extends (...given: never[]) => Promise<unknown>
    ? Key
    : never;
}[keyof Conntrack];

function onOwnSocket<Key extends Name>(name: Key): Conntrack[Key] {
  const call = async (...given: unknown[]): Promise<unknown> => {
    await using conntrack = await Conntrack.open();
    const method = conntrack[name] as unknown as (...given: unknown[]) => Promise<unknown>;
    return await method.apply(conntrack, given);
  };
  return call as unknown as Conntrack[Key];
}

export const countEntries = onOwnSocket('countEntries');
export const countExpectations = onOwnSocket('countExpectations');
export const createEntries = onOwnSocket('createEntries');
export const createEntry = onOwnSocket('createEntry');
export const createExpectation = onOwnSocket('createExpectation');
export const createTimeoutPolicy = onOwnSocket('createTimeoutPolicy');
export const deleteEntry = onOwnSocket('deleteEntry');
export const deleteExpectation = onOwnSocket('deleteExpectation');
export const deleteExpectations = onOwnSocket('deleteExpectations');
export const deleteTimeoutPolicy = onOwnSocket('deleteTimeoutPolicy');
export const diagnose = onOwnSocket('diagnose');
export const flushEntries = onOwnSocket('flushEntries');
export const flushExpectations = onOwnSocket('flushExpectations');
export const getEntries = onOwnSocket('getEntries');
export const getEntry = onOwnSocket('getEntry');
export const getExpectation = onOwnSocket('getExpectation');
export const getTimeoutPolicy = onOwnSocket('getTimeoutPolicy');
export const listExpectations = onOwnSocket('listExpectations');
export const listTimeoutPolicies = onOwnSocket('listTimeoutPolicies');
export const readDefaultTimeouts = onOwnSocket('readDefaultTimeouts');
export const readPressure = onOwnSocket('readPressure');
export const readStats = onOwnSocket('readStats');
export const updateEntry = onOwnSocket('updateEntry');
export const upsertEntry = onOwnSocket('upsertEntry');
export const updateExpectation = onOwnSocket('updateExpectation');
export const updateTimeoutPolicy = onOwnSocket('updateTimeoutPolicy');
export const writeDefaultTimeouts = onOwnSocket('writeDefaultTimeouts');
