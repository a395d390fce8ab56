/**
 * A search for models. LM Studio has no route that searches its catalogue, and `lms get TERM` asks questions, or downloads
 * where nobody can answer them. So what is on disk is searched, and a person is told where the rest is found.
 */
import * as ModelName from "../../lmstudio/ModelName.ts"

/** Those on disk whose name has the words, or comes near them. */
export const onDisk = <M extends { readonly key: string }>(
  query: string,
  models: ReadonlyArray<M>
): ReadonlyArray<M> => {
  const words = query.trim().toLowerCase()
  const near = ModelName.nearest(
    query,
    models.map(({ key }) => key)
  )
  return models.filter(({ key }) => key.toLowerCase().includes(words) || near.includes(key))
}

export interface Place {
  readonly what: string
  readonly url: string
}

/** Where the catalogue can be searched. */
export const places = (query: string): ReadonlyArray<Place> => [
  { what: "LM Studio's catalogue", url: "https://lmstudio.ai/models" },
  {
    what: "Hugging Face",
    url: `https://huggingface.co/models?library=gguf&search=${encodeURIComponent(query.trim())}`
  }
]
