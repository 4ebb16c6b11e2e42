// SPDX-License-Identifier: Apache-2.0

/** What tells of an attack and stands in ordinary texts hardly ever: a word in small letters, and what must be behind it, where it says too little alone. */
export type Telling = { readonly words: readonly string[]; readonly behind?: RegExp }

const told = (words: string, behind?: RegExp): Telling => ({
  words: words.split(' ').map((word) => word.replaceAll('~', ' ')),
  ...(behind !== undefined && { behind }),
})

/** In words `~` stands for a space, and a space for every blank that a text may have. */
export const telling: readonly Telling[] = [
  // SQL
  told('union', /\W[\s\S]{0,40}?select/iy),
  told('drop alter truncate', /\W{1,16}table/iy),
  told('into', /\W{1,16}(?:out|dump)file/iy),
  told('information_schema sysobjects pg_catalog xp_cmdshell load_file'),
  told('sleep benchmark extractvalue updatexml randomblob', /\W{0,16}\(/iy),
  told('waitfor', /\W{1,16}(?:delay|time)/iy),
  told(`' "`, /\W{0,16}(?:--|#|\/\*|(?:or|and|xor|having)\b|\|\||&&)/iy),
  told('~or~ ~and~ or/* and/* or( and(', /\W{0,16}\w{1,12}\W{0,8}[=<>]/iy),
  // Scripts in pages
  told('script: <script <svg <iframe <object <embed <math srcdoc document.cookie'),
  told(
    'onerror onload onclick ondblclick onmouse onpointer onfocus onblur ontoggle onanimation ontransition onbegin onend onstart',
    /\w{0,16}\s{0,8}=/iy,
  ),
  told(
    'onkey onwheel onscroll onsubmit oninput oninvalid onchange onselect oncopy oncut onpaste ondrag ontouch onresize onhash onpage',
    /\w{0,16}\s{0,8}=/iy,
  ),
  told('alert prompt confirm eval', /\W{0,4}[(`]/iy),
  // Files and addresses
  told('../ ..\\', /[\\/]{0,3}\.\.[\\/]/iy),
  told('etc/ etc\\', /\W{0,8}(?:passwd|shadow|hosts)\b/iy),
  told('proc/self win.ini boot.ini system32 .htaccess .ssh/ 169.254.169 metadata.google'),
  told('file:// php:// gopher:// dict:// expect:// phar:// netdoc://'),
  // Commands
  told(
    '; | & ` $(',
    /\s{0,8}(?:[/\w]{0,16}\/)?(?:cat|ls|id|whoami|wget|curl|nc|ncat|bash|sh|zsh|python\d?|perl|ruby|php|ping|nslookup|uname|rm|chmod|sleep|env|type|dir)\b/iy,
  ),
  told('bin/', /\W{0,2}(?:[a-z]{0,3}sh|cat|env|nc|python|perl|id|ls)\b/iy),
  told('$ifs $\x7bifs cmd.exe powershell ()~{~:'),
  // Templates and languages
  told('jndi: getruntime processbuilder child_process mainmodule java.lang <?php <?= !entity !doctype xi:include'),
  told('__class__ __globals__ __builtins__ __import__ __mro__ __proto__'),
  told('{{ ${ #{', /[^}]{0,40}[*.(|:]/iy),
  told('system exec passthru popen assert base64_decode', /\W{0,4}\(/iy),
  told('[$ $where $gt $ne $regex *)( ro0ab !!python !!java !ruby/'),
]
