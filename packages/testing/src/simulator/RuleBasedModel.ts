/**
 * A deterministic stand-in that picks tools by words and reports what they returned. It is no language model.
 */
import * as SimulatedModel from "./SimulatedModel.ts"

export const ruleBased: SimulatedModel.SimulatedModel = SimulatedModel.fromFunction(
  () => ({ text: "This is a rule-based stand-in, not a language model." }),
  "a rule-based stand-in, not a language model"
)
