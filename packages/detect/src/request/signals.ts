// SPDX-License-Identifier: Apache-2.0

/** What is odd about how a request is written, whatever it says. */
export const signalKinds = {
  oversize: 'more than is looked at closely',
  padded: 'a long run of one character',
  compressed: 'a body whose content is compressed in a way that is not read',
  bomb: 'a compressed body that grows beyond the limit',
  'too-many-values': 'more parameters than are told apart',
  'too-deep': 'nested deeper than is followed',
  'malformed-encoding': 'a percent sign without two hexadecimal digits',
  'malformed-json': 'a body that says it is JSON and is not',
  'malformed-xml': 'a body that says it is XML and is not well-formed',
  'malformed-multipart': 'a multipart body whose parts can be read in more than one way',
  'malformed-graphql': 'a GraphQL request without a query',
  dtd: 'XML with a document type, which can define entities',
  'strange-charset': 'a charset that hides what is written from those who do not decode it',
  'smuggling-shape': 'a request that two servers may cut at different places',
  'control-byte': 'a control byte where none belongs',
  'null-byte': 'a null byte',
  overlong: 'UTF-8 that is longer than it must be',
  'invalid-utf8': 'bytes that are no UTF-8',
  'double-encoded': 'encoded twice',
  'percent-u': 'the encoding %uXXXX, which no standard has',
  'hidden-encoding': 'text within base64 or HTML entities',
  'repeated-parameter': 'one parameter more than once',
} as const satisfies Readonly<Record<string, string>>

export type SignalKind = keyof typeof signalKinds

/** `where`: the source, and the name within it where it has one, as in `ARGS_GET:q`. */
export type Signal = { readonly kind: SignalKind; readonly where: string }
