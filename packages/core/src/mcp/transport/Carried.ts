/** What passes through the SDK's client and transports as it is, because they do not look inside. */
import * as Predicate from "effect/Predicate"
import type * as Incoming from "../reading/Incoming.ts"
import type { Read } from "../reading/MessageText.ts"

/**
 * A received message before it is interpreted. `about` is the request to which it is the reply, if the transport knows.
 */
export class Received {
  readonly read: Read
  readonly about: number | undefined
  constructor(read: Read, about?: number) {
    this.read = read
    this.about = about
  }
}

/**
 * How a request ended, in a form that passes through the SDK: it accepts any object as a result without looking inside.
 */
export class Carried {
  readonly ending: Incoming.Ending
  constructor(ending: Incoming.Ending) {
    this.ending = ending
  }
}

/** What a transport threw for a request that the SDK did not send itself. */
export class Thrown {
  readonly error: unknown
  constructor(error: unknown) {
    this.error = error
  }
}

export const endingIn = (result: unknown): Incoming.Ending => {
  const carried = Predicate.hasProperty(result, "carried") ? result.carried : undefined
  return carried instanceof Carried ? carried.ending : { _tag: "Result", value: result }
}
