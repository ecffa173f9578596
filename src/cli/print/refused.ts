/** A command that a person does not let go on. */
export class Refused extends Error {
  override readonly name = 'Refused';
}
