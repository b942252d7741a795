package api

import (
	"cmp"
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
)

func (s *Server) declareCampaigns() {
	op := func(id, method, path, summary string) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: "/v1/campaigns" + path, Summary: summary, Tags: []string{"campaigns"}}
	}
	create := op("create-campaign", http.MethodPost, "", "Make a campaign")
	create.DefaultStatus = http.StatusCreated
	create.Description = "It is a draft: import contacts, look at its preflight, start it."
	register(s, calls.PermOperator, create, s.createCampaign)
	register(s, calls.PermViewer, op("list-campaigns", http.MethodGet, "", "List campaigns, newest first"), s.listCampaigns)
	register(s, calls.PermViewer, op("get-campaign", http.MethodGet, "/{id}", "Show a campaign and how it gets on"), s.getCampaign)
	change := op("change-campaign", http.MethodPatch, "/{id}", "Change what is given, also while it runs")
	change.Description = "Pace and interval hold for the next call already; flow, window and the rest for calls that are not queued yet."
	register(s, calls.PermOperator, change, s.changeCampaign)
	register(s, calls.PermOperator, op("delete-campaign", http.MethodDelete, "/{id}", "Delete a campaign that does not run, with its contacts; its calls stay"), s.deleteCampaign)
	for move, m := range map[calls.CampaignMove]struct {
		summary string
		declare func(huma.Operation)
	}{
		calls.CampaignStart:  {"Start it, or go on with contacts that were added to a finished one", func(o huma.Operation) { register(s, calls.PermOperator, o, s.startCampaign) }},
		calls.CampaignPause:  {"Begin nothing more until it is resumed; talks go on", func(o huma.Operation) { register(s, calls.PermOperator, o, s.pauseCampaign) }},
		calls.CampaignResume: {"Go on", func(o huma.Operation) { register(s, calls.PermOperator, o, s.resumeCampaign) }},
		calls.CampaignStop:   {"End it for good: what is queued is canceled, talks go on", func(o huma.Operation) { register(s, calls.PermOperator, o, s.stopCampaign) }},
	} {
		o := op(string(move)+"-campaign", http.MethodPost, "/{id}/"+string(move), m.summary)
		o.DefaultStatus = http.StatusOK
		m.declare(o)
	}
	register(s, calls.PermViewer, op("preflight-campaign", http.MethodGet, "/{id}/preflight", "Look at it before it is started"), s.preflightCampaign)
	s.declareContacts()
}

// CampaignPath names the campaign a request is about.
type CampaignPath struct {
	ID string `path:"id" maxLength:"64"`
}

type campaignOutput struct {
	Location string `header:"Location"`
	Body     CampaignResource
}

// campaigns is the desk, or a 404 where this daemon has none.
func (s *Server) campaigns() error {
	if s.cfg.Campaigns == nil {
		return calls.Errorf(calls.CodeNotFound, "this daemon runs no campaigns")
	}
	return nil
}

// campaign shows one of the asker's.
func (s *Server) campaign(ctx context.Context, id string) (*campaignOutput, error) {
	if err := s.campaigns(); err != nil {
		return nil, err
	}
	out := &campaignOutput{}
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) error {
		c, err := tx.Campaign(accountOf(ctx), id)
		if err != nil {
			return err
		}
		p, err := s.cfg.Campaigns.Progress(tx, c)
		if err == nil {
			out.Body = viewCampaign(c, p)
		}
		return err
	})
	return out, err
}

type createCampaignInput struct{ Body campaignBody }

func (s *Server) createCampaign(ctx context.Context, in *createCampaignInput) (*campaignOutput, error) {
	if err := s.campaigns(); err != nil {
		return nil, err
	}
	token := requestOf(ctx).token
	c := &calls.Campaign{Account: token.Account, TokenID: token.ID, CreatedBy: token.Name, Flow: calls.DefaultFlow()}
	if err := in.Body.apply(c); err != nil {
		return nil, err
	}
	if err := s.cfg.Campaigns.Create(ctx, c); err != nil {
		return nil, err
	}
	s.changed(ctx, "campaign.create", c.ID, c.Name)
	out, err := s.campaign(ctx, c.ID)
	if err == nil {
		out.Location = "/v1/campaigns/" + c.ID
	}
	return out, err
}

type campaignListOutput struct{ Body List[CampaignResource] }

func (s *Server) listCampaigns(ctx context.Context, in *struct {
	Page
	State string `query:"state" enum:"draft,running,paused,stopped,finished"`
}) (*campaignListOutput, error) {
	if err := s.campaigns(); err != nil {
		return nil, err
	}
	out := &campaignListOutput{}
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) error {
		rows, err := tx.Campaigns(calls.CampaignFilter{Account: accountOf(ctx), State: calls.CampaignState(in.State), Cursor: in.Cursor, Limit: in.size()})
		if err != nil {
			return err
		}
		view := func(c *calls.Campaign) (v CampaignResource) {
			p, e := s.cfg.Campaigns.Progress(tx, c)
			if e != nil {
				err = cmp.Or(err, e)
				return v
			}
			return viewCampaign(c, p)
		}
		out.Body = listOf(rows, in.size(), view, func(c *calls.Campaign) string { return c.ID })
		return err
	})
	return out, err
}

func (s *Server) getCampaign(ctx context.Context, in *CampaignPath) (*campaignOutput, error) {
	return s.campaign(ctx, in.ID)
}

type changeCampaignInput struct {
	CampaignPath
	Body campaignBody
}

func (s *Server) changeCampaign(ctx context.Context, in *changeCampaignInput) (*campaignOutput, error) {
	if err := s.campaigns(); err != nil {
		return nil, err
	}
	if _, err := s.cfg.Campaigns.Change(ctx, accountOf(ctx), in.ID, in.Body.apply); err != nil {
		return nil, err
	}
	s.changed(ctx, "campaign.change", in.ID, "")
	return s.campaign(ctx, in.ID)
}

func (s *Server) deleteCampaign(ctx context.Context, in *CampaignPath) (*struct{}, error) {
	if err := s.campaigns(); err != nil {
		return nil, err
	}
	err := s.cfg.Campaigns.Delete(ctx, accountOf(ctx), in.ID)
	if err == nil {
		s.changed(ctx, "campaign.delete", in.ID, "")
	}
	return nil, err
}

type moveCampaignInput struct {
	CampaignPath
	Body *struct {
		Reason string `json:"reason,omitempty" maxLength:"500" doc:"told by events and, while it is paused, by pause_reason"`
	} `nameHint:"CampaignMove"`
}

func (s *Server) startCampaign(ctx context.Context, in *moveCampaignInput) (*campaignOutput, error) {
	return s.moveCampaign(ctx, in, calls.CampaignStart)
}

func (s *Server) pauseCampaign(ctx context.Context, in *moveCampaignInput) (*campaignOutput, error) {
	return s.moveCampaign(ctx, in, calls.CampaignPause)
}

func (s *Server) resumeCampaign(ctx context.Context, in *moveCampaignInput) (*campaignOutput, error) {
	return s.moveCampaign(ctx, in, calls.CampaignResume)
}

func (s *Server) stopCampaign(ctx context.Context, in *moveCampaignInput) (*campaignOutput, error) {
	return s.moveCampaign(ctx, in, calls.CampaignStop)
}

func (s *Server) moveCampaign(ctx context.Context, in *moveCampaignInput, m calls.CampaignMove) (*campaignOutput, error) {
	if err := s.campaigns(); err != nil {
		return nil, err
	}
	reason := ""
	if in.Body != nil {
		reason = in.Body.Reason
	}
	if !calls.Printable(reason) {
		return nil, calls.Errorf(calls.CodeInvalidField, "control characters are not allowed here").At("body.reason", nil)
	}
	if reason == "" && m == calls.CampaignPause {
		reason = "paused by " + actorOf(ctx)
	}
	if _, err := s.cfg.Campaigns.Move(ctx, accountOf(ctx), in.ID, m, reason, actorOf(ctx)); err != nil {
		return nil, err
	}
	s.changed(ctx, "campaign."+string(m), in.ID, reason)
	return s.campaign(ctx, in.ID)
}

type preflightOutput struct{ Body PreflightResource }

func (s *Server) preflightCampaign(ctx context.Context, in *CampaignPath) (*preflightOutput, error) {
	if err := s.campaigns(); err != nil {
		return nil, err
	}
	p, err := s.cfg.Campaigns.Preflight(ctx, accountOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	return &preflightOutput{Body: viewPreflight(p, s.clock.Now())}, nil
}
