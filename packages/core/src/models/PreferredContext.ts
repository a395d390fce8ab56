/** The contexts that runs prefer where nothing asks for more: what a load aims at, never a reason to reload. Pure. */
import type { Values } from "../configuration/Settings.ts"

/** In tokens, the most wanted first. */
export type Sizes = ReadonlyArray<number>

/** Enough for the tools of a server and some work with them, which LM Studio's own 4096 is not. */
export const standard: Sizes = [8192]

/** As much as fits. */
export const largest: Sizes = [32_768, 16_384, 8192]

/** What the settings say of the context, for a run whose task does not. */
export const ofSetting = (
  setting: Values["contextLength"]
): { readonly contextLength?: number; readonly preferredContext?: Sizes | undefined } =>
  typeof setting === "number"
    ? { contextLength: setting }
    : { preferredContext: { fit: standard, auto: largest, own: undefined }[setting] }

/** Those that a model can have: none above its own maximum. */
export const within = (sizes: Sizes, most: number = Number.POSITIVE_INFINITY): Sizes => [
  ...new Set(sizes.map((size) => Math.min(size, most)))
]

/** The least of them, where a loaded model has less; undefined where it has enough, or where nothing is known of it. */
export const missed = (
  contextLength: number | undefined,
  most: number | undefined,
  sizes: Sizes | undefined
): number | undefined => {
  const least = within(sizes ?? [], most).at(-1)
  return least !== undefined && contextLength !== undefined && contextLength < least ? least : undefined
}
