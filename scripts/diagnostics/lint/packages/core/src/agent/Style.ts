// Planted habits that the lint rules refuse.
// expect: typescript/no-explicit-any
export const anything: any = 1
// expect: no-unused-vars
const unused = 1
// expect: typescript/no-non-null-assertion
export const asserted = (value: string | undefined) => value!.length
// expect: typescript/ban-ts-comment
// @ts-ignore
export const ignored: string = anything
// expect: no-warning-comments
// TODO: write it
// expect: eqeqeq
export const loose = anything == 1
// expect: typescript/consistent-type-imports
import { HttpClient } from "@effect/platform/HttpClient"
export type Client = HttpClient
