// For typedoc: functions that a handle calls with its context declare `this`, which no caller passes.
import { Converter } from 'typedoc';

export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_SIGNATURE, (_context, signature) => {
    signature.parameters = signature.parameters?.filter(({ name }) => name !== 'this');
  });
}
