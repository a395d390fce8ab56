/** What is known of a model, as a table for the terminal. */
import { type Known, KnownWords } from "@lms-bridge/core/ModelCatalog"
import * as Table from "./Table.ts"

export const render = (known: Known.Known, columns?: number): string =>
  Table.render(KnownWords.headings, KnownWords.rows(known), columns)
