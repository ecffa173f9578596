/**
 * The documented functions: each works on the context that is its `this`, and else on the
 * network namespace of the calling thread.
 *
 * @module
 */
export * from './changes.js';
export * from './entries.js';
export * from './events.js';
export * from './expectations.js';
export * from './health.js';
export * from './mirror.js';
export * from './timeouts.js';
export * from './transfer.js';
