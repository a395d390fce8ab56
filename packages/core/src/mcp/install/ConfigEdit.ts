/** Changes one entry of a configuration file, whatever its language is. */
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import type { Problem } from "../../json/JsoncText.ts"
import * as JsoncEdit from "./JsoncEdit.ts"
import type * as TextEdits from "./TextEdits.ts"

export type Language = "json" | "toml" | "yaml"

export interface Editor {
  readonly entries: (text: string, section: string) => Either.Either<TextEdits.Entries, Problem>
  readonly set: (
    text: string,
    place: TextEdits.Place,
    value: Readonly<Record<string, unknown>>,
    how: "merge" | "replace"
  ) => Either.Either<TextEdits.Edited, Problem>
  readonly remove: (text: string, place: TextEdits.Place) => Either.Either<TextEdits.Edited, Problem>
}

/** The parsers of other languages are loaded only for a file in that language. */
export const editorOf = (language: Language): Effect.Effect<Editor> => {
  switch (language) {
    case "toml":
      return Effect.promise(() => import("./TomlEdit.ts"))
    case "yaml":
      return Effect.promise(() => import("./YamlEdit.ts"))
    case "json":
      return Effect.succeed(JsoncEdit)
  }
}
