// SPDX-License-Identifier: Apache-2.0

/** What is said of a site to a person: of one that tells all the same, no words of the loader (--json has them). */
export const siteWords = ({ attached, reason }: { readonly attached: boolean; readonly reason: string }): string =>
  attached ? reason.replace(/: libbpf: .*$/s, ': this kernel refuses programs of tier 2 (docs/kernels.md)') : reason
