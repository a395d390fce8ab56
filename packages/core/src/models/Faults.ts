/**
 * What a failure says of the LM Studio and of the model that it came from: by its tag, since runs that are read from a journal
 * know no more of it.
 */
interface Fault {
  /** This LM Studio is away, stuck, or has lost the model: another one may do better. */
  readonly host?: true
  /** Another model may do better. */
  readonly model?: true
  /** Where models are compared: against this one, or for nothing, since it would have failed any of them. */
  readonly counts?: "against" | "nothing"
}

const faults: Readonly<Record<string, Fault>> = {
  LmStudioUnreachable: { host: true, counts: "nothing" },
  Unauthorized: { counts: "nothing" },
  InternalError: { counts: "nothing" },
  CircuitOpen: { host: true, model: true, counts: "nothing" },
  LmsCliError: { host: true, model: true },
  RequestTimeout: { host: true, counts: "against" },
  StreamCut: { host: true, model: true, counts: "against" },
  ServerFault: { host: true, model: true, counts: "against" },
  ModelCrashed: { host: true, model: true, counts: "against" },
  ModelNotLoaded: { host: true, model: true, counts: "against" },
  ModelLoadFailed: { host: true, model: true, counts: "against" },
  ModelLoadRefused: { host: true, model: true, counts: "against" },
  WrongModelAnswered: { model: true, counts: "against" },
  ReplyMalformed: { model: true, counts: "against" },
  ReplyRepeats: { model: true },
  ModelNotFound: { model: true },
  ModelUnfit: { model: true }
}

/** Another LM Studio may do better. */
export const isOfTheHost = (tag: string): boolean => faults[tag]?.host === true

/** Another model may do better. */
export const isOfTheModel = (tag: string): boolean => faults[tag]?.model === true

export const countsAgainst = (tag: string): boolean => faults[tag]?.counts === "against"

export const countsForNothing = (tag: string): boolean => faults[tag]?.counts === "nothing"
