/** Skills as clients see them. */
import type * as Effect from "effect/Effect"

/** One skill, as `skills/list` and `skills/get` show it. */
export interface Entry {
  readonly uri: string
  readonly frontmatter: Readonly<Record<string, unknown>>
  readonly resources: ReadonlyArray<{ readonly uri: string; readonly digest: string; readonly size: number }>
}

/** A file, as a text or in base64. */
export interface Part {
  readonly uri: string
  readonly mimeType: string
  readonly text?: string
  readonly blob?: string
}

/** A file or a folder within a folder. */
export interface Child {
  readonly uri: string
  readonly name: string
  readonly mimeType: string
}

export const scheme = "skill://"

/** Where the skills come from. */
export interface Shelf<R> {
  readonly list: Effect.Effect<ReadonlyArray<Entry>, never, R>
  readonly get: (uri: string) => Effect.Effect<Entry | undefined, never, R>
  readonly read: (uri: string) => Effect.Effect<Part | undefined, never, R>
  readonly directory: (uri: string) => Effect.Effect<ReadonlyArray<Child> | undefined, never, R>
}
