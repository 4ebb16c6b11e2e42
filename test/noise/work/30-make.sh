#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A program in C is configured, built, tested, installed to a folder, packed, and built again from its archive.
set -eu
mkdir prog
cat > prog/configure << 'END'
#!/bin/sh
echo 'int main(void) { return 0; }' > conftest.c
${CC:-cc} -o conftest conftest.c && ./conftest || exit 1
echo "built on $(uname -s) $(uname -m) by $(id -un) at $(hostname)" > config.log
sed 's/@CC@/cc/' Makefile.in > Makefile
END
printf 'CC = @CC@\nOBJECTS = %s\nprog: $(OBJECTS)\n\t$(CC) -o $@ $(OBJECTS)\ncheck: prog\n\t./prog && ldd ./prog\ninstall: prog\n\tinstall -D -p prog $(DESTDIR)/usr/local/bin/prog\n\tstrip $(DESTDIR)/usr/local/bin/prog\nclean:\n\trm -f prog *.o\n' \
  "main.o $(echo part{1..20}.o)" > prog/Makefile.in
echo 'int part1(int); int main(void) { return part1(0); }' > prog/main.c
for i in {1..19}; do echo "int part$((i + 1))(int); int part$i(int n) { return part$((i + 1))(n); }" > prog/part$i.c; done
echo 'int part20(int n) { return n - n; }' > prog/part20.c
chmod +x prog/configure
again() {
  (cd prog && ./configure && make -s -j2 && make -s check && make -s install DESTDIR="$PWD/../root" && make -s clean)
  for with in gzip bzip2 xz; do
    has $with || continue
    tar -c --$with -f prog.tar prog
    rm -rf copy && mkdir copy
    tar -x --$with -f prog.tar -C copy
  done
  (cd copy/prog && ./configure && make -s check)
}
while_time again
