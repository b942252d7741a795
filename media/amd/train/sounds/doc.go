// Command sounds composes a folder of labelled sounds to learn from, out of the free
// music, words and talk that Debian packages hold: what `make amd-sounds` runs.
// sources.csv says what is taken from which package, docs/amd-sounds.md tells it with
// the licences.
//
//	sounds -packages          says which packages, and the folder to unpack each in
//	sounds UNPACKED DIR       UNPACKED holds these folders, as dpkg-deb -x writes them
//
// The same packages and the same ffmpeg make the same bytes: randomness is seeded by
// the name of each sound, and everything goes in sorted order. Only the sounds of one
// voice are in memory at a time.
package main
