package zvonobot

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"strings"

	"zvonar/internal/calls"
)

// recordOfFile makes a clip of a sound file, which came in base64.
func (f *facade) recordOfFile(ctx context.Context, a asked, name, file string) (any, error) {
	field := f.cfg.UploadField
	if head, data, is := strings.Cut(file, ","); is && strings.HasPrefix(head, "data:") {
		file = data
	}
	if file == "" {
		return nil, faulty(field, "send the sound as a file of the form, or in base64")
	}
	sound := base64.NewDecoder(base64.StdEncoding, strings.NewReader(file))
	rec, err := f.h.Library.AddReserved(ctx, a.token.Account, name, actor(a.token), sound)
	var known *calls.Error
	var corrupt base64.CorruptInputError
	switch {
	case errors.As(err, &corrupt):
		return nil, faulty(field, "the sound is not in base64")
	case errors.As(err, &known) && known.Code != calls.CodeOverloaded && known.Code != calls.CodeInternal && fieldOf(known) != "name":
		return nil, faulty(field, "%s", known.Detail)
	case err != nil:
		return nil, err
	}
	n, err := f.numberOf(ctx, rec)
	if err != nil {
		return nil, err
	}
	return yes(recordView(rec, n)), nil
}

// file is a file of a form as the text that JSON has in its place.
func (in fields) file(name string, parts []*multipart.FileHeader) error {
	if len(parts) != 1 {
		return fmt.Errorf("the field %.40q is given twice", name)
	}
	part, err := parts[0].Open()
	if err != nil {
		return errors.New("a file of the form cannot be read")
	}
	defer func() { _ = part.Close() }()
	sound, err := io.ReadAll(part)
	if err != nil {
		return errors.New("a file of the form cannot be read")
	}
	in[name] = []byte(`"` + base64.StdEncoding.EncodeToString(sound) + `"`)
	return nil
}
